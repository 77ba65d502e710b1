// The notes server on Node, with grants in SQLite: `node examples/node/server.ts`
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { clientAddress, toNodeHandler } from 'tollgate/node'
import { operationScopes } from 'tollgate/operations'
import { sqlite } from 'tollgate/store/sqlite'
import { auth } from '../common/auth.ts'
import { handler } from '../common/handler.ts'
import { cannotListen } from '../common/listening.ts'
import { memory, needs, notes } from '../common/notes.ts'
import { whoAmI } from '../common/sign-in.ts'

const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}`, DATABASE = ':memory:' } = process.env

const store = sqlite(new DatabaseSync(DATABASE))
// Deletes what has expired.
setInterval(() => store.sweep(Date.now() / 1000).catch(console.error), 600_000)
const { as, rs } = auth({ ...process.env, PUBLIC_URL }, { store, clientAddress })
const guarded = rs.protect(notes(memory(), whoAmI(process.env)), {
  operations: operationScopes(needs, { default: 'deny' }),
})

createServer(toNodeHandler(handler({ as, rs }, guarded)))
  .on('error', cannotListen)
  .listen(Number(PORT), '127.0.0.1', () => {
    console.log(`Notes at ${rs.resources[0]}`)
  })
