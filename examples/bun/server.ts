// The notes server on Bun, with grants in SQLite: `bun examples/bun/server.ts`
import { Database } from 'bun:sqlite'
import { operationScopes } from 'tollgate/operations'
import { sqlite } from 'tollgate/store/sqlite'
import { auth } from '../common/auth.ts'
import { handler } from '../common/handler.ts'
import { memory, needs, notes } from '../common/notes.ts'
import { whoAmI } from '../common/sign-in.ts'

const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}`, DATABASE = ':memory:' } = process.env

const store = sqlite(new Database(DATABASE))
// Deletes what has expired.
setInterval(() => store.sweep(Date.now() / 1000).catch(console.error), 600_000)
const { as, rs } = auth(
  { ...process.env, PUBLIC_URL },
  {
    store,
    clientAddress: (request) => server.requestIP(request)?.address,
  },
)
const guarded = rs.protect(notes(memory(), whoAmI(process.env)), {
  operations: operationScopes(needs, { default: 'deny' }),
})

const server = Bun.serve({
  port: Number(PORT),
  hostname: '127.0.0.1',
  fetch: handler({ as, rs }, guarded),
})
console.log(`Notes at ${rs.resources[0]}`)
