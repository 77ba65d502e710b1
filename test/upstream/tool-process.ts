// A process with an MCP server whose tool asks for upstream tokens. One JSON argument; orders and answers are lines of JSON.
import { createInterface } from 'node:readline'
import process from 'node:process'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { createResourceServer } from '../../src/index.ts'
import type { Provider, Store, TollgateEvent, UpstreamToken } from '../../src/types.ts'
import { upstream } from '../../src/upstream/index.ts'
import { clients, RES_A, resources, secret } from '../support/as.ts'
import { connect } from '../support/store-connect.ts'

export interface ToolOptions {
  issuer: string
  /** Of the store. */
  file: string
  provider: Provider
  credentials: { clientId: string; clientSecret: string }
  /** Seconds by which its clock is ahead. */
  ahead?: number
  /** The write of a grant at which it stops, to be killed: before it is carried out, or after. */
  stopAt?: { write: number; when: 'before' | 'after' }
}

export interface ToolOrder {
  /** The client's access token. */
  token: string
  calls: number
  /** The barrier: milliseconds since the epoch at which everybody starts. */
  at: number
}

export type ToolAnswer = { outcomes: string[]; events: string[] } | { stopped: true } | { ready: true }

const options = JSON.parse(process.argv[2]!) as ToolOptions
const { file, issuer, credentials, ahead = 0, stopAt } = options
const provider: Provider = Object.defineProperty({ ...options.provider }, 'credentials', {
  value: credentials,
})
const clock = (): number => Date.now() / 1000 + ahead
const events: TollgateEvent[] = []
const { store } = await connect('node:sqlite', file)
const as = createAuthorizationServer({
  issuer,
  secret,
  store: stopping(store),
  signIn: upstream(provider, { admit: () => true }),
  resources,
  clients,
  clock,
  onEvent: (event) => events.push(event),
})
const rs = createResourceServer({ resource: RES_A, authorizationServers: [as], clock })
answer({ ready: true })

for await (const line of createInterface({ input: process.stdin })) {
  const { token, calls, at } = JSON.parse(line) as ToolOrder
  const headers = { authorization: `Bearer ${token}` }
  const auth = await rs.authenticate(new Request(RES_A, { method: 'POST', headers }))
  if (auth instanceof Response) throw new Error(`${auth.status}`)
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())))
  const outcomes = await Promise.all(Array.from({ length: calls }, () => outcome(auth.upstream())))
  answer({ outcomes, events: events.splice(0).map(({ type }) => type) })
}

async function outcome(token: Promise<UpstreamToken>): Promise<string> {
  try {
    return (await token).accessToken
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

function stopping(inner: Store): Store {
  let writes = 0
  return {
    get: (key) => inner.get(key),
    delete: (key, about) => inner.delete(key, about),
    async put(key, value, about) {
      const stops = stopAt !== undefined && key.endsWith(':grant') && ++writes === stopAt.write
      if (stops && stopAt.when === 'before') await stop()
      const version = await inner.put(key, value, about)
      if (stops) await stop()
      return version
    },
  }
}

function stop(): Promise<never> {
  answer({ stopped: true })
  return new Promise(() => undefined)
}

function answer(value: ToolAnswer): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
