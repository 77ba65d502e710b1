// The notes server as a Hono application, here on Node: `node examples/hono/server.ts`
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { endpoints, guard } from 'tollgate/hono'
import { operationScopes } from 'tollgate/operations'
import { memoryStore } from 'tollgate/store/memory'
import { auth } from '../common/auth.ts'
import { cannotListen } from '../common/listening.ts'
import { memory, needs, notes } from '../common/notes.ts'
import { whoAmI } from '../common/sign-in.ts'

const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env

const addresses = new WeakMap<Request, string>()
const { as, rs } = auth(
  { ...process.env, PUBLIC_URL },
  {
    store: memoryStore(),
    clientAddress: (request) => addresses.get(request),
  },
)
const mcp = notes(memory(), whoAmI(process.env))

const app = new Hono()
  .use((c, next) => {
    addresses.set(c.req.raw, getConnInfo(c).remote.address ?? '')
    return next()
  })
  .use(endpoints(...(as ? [as, rs] : [rs])))
  .all('/mcp', guard(rs, { operations: operationScopes(needs, { default: 'deny' }) }), (c) =>
    mcp(c.req.raw, c.var.auth),
  )

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, () => {
  console.log(`Notes at ${rs.resources[0]}`)
}).on('error', cannotListen)
