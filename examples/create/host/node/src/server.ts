import { createServer } from 'node:http'
import { toNodeHandler } from 'tollgate/node'
import { createAuth } from './auth.ts'
import { cannotListen, env, port } from './host.ts'
import { notes, operations } from './notes.ts'
import { isMcp, notFound, resource } from './settings.ts'

const auth = createAuth()
const guarded = auth.rs.protect(notes, { operations })
const handler = async (request: Request): Promise<Response> =>
  (await auth.handle(request)) ?? (isMcp(request) ? guarded(request) : notFound())

createServer(toNodeHandler(handler))
  .on('error', cannotListen)
  .listen(port, env['HOST'] || '127.0.0.1', () => console.log(`Notes at ${resource}`))
