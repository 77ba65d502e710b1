// The application of examples/express for any issuer, in memory: what the matrix of hosts starts.
import { memoryStore } from 'tollgate/store/memory'
import { auth } from '../../examples/common/auth.ts'
import { clientAddress } from 'tollgate/express'

// By a variable: the type check runs without the packages of the example.
const example = '../../examples/express/app.ts'
const { createApp } = await import(example)

const { PORT = '3000', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env
const { as, rs } = auth({ ...process.env, PUBLIC_URL }, { store: memoryStore(), clientAddress })

const owners = new Map<string, Map<string, string>>()
const of = (owner: string): Map<string, string> => {
  const found = owners.get(owner) ?? new Map<string, string>()
  owners.set(owner, found)
  return found
}
const notes = {
  titles: async (owner: string) => [...of(owner).keys()],
  read: async (owner: string, title: string) => of(owner).get(title),
  write: async (owner: string, title: string, text: string) => void of(owner).set(title, text),
}

const secret = 'a secret for tests, long enough to be one'
createApp({ rs, notes, secret, ...(as ? { parts: [as, rs] } : {}) }).listen(Number(PORT), '127.0.0.1', () =>
  console.log(`Notes at ${PUBLIC_URL}/mcp`),
)
