import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { endpoints, guard } from 'tollgate/hono'
import { createAuth } from './auth.ts'
import { addresses, cannotListen, env, port } from './host.ts'
import { notes, operations } from './notes.ts'
import { resource } from './settings.ts'

const auth = createAuth()
const app = new Hono()
  .use((c, next) => {
    addresses.set(c.req.raw, getConnInfo(c).remote.address ?? '')
    return next()
  })
  .use(endpoints(auth))
  .all('/mcp', guard(auth.rs, { operations }), (c) => notes(c.req.raw, c.var.auth))

serve({ fetch: app.fetch, port, hostname: env['HOST'] || '127.0.0.1' }, () => {
  console.log(`Notes at ${resource}`)
}).on('error', cannotListen)
