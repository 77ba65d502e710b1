import { createAuth } from './auth.ts'
import { addresses, env, port } from './host.ts'
import { notes, operations } from './notes.ts'
import { isMcp, notFound, resource } from './settings.ts'

const auth = createAuth()
const guarded = auth.rs.protect(notes, { operations })

Bun.serve({
  port,
  hostname: env['HOST'] || '127.0.0.1',
  async fetch(request, server) {
    addresses.set(request, server.requestIP(request)?.address ?? '')
    return (await auth.handle(request)) ?? (isMcp(request) ? guarded(request) : notFound())
  },
})
console.log(`Notes at ${resource}`)
