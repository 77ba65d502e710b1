import { createAuth } from './auth.ts'
import { addresses, env, port } from './host.ts'
import { notes, operations } from './notes.ts'
import { isMcp, notFound, resource } from './settings.ts'

const auth = createAuth()
const guarded = auth.rs.protect(notes, { operations })

Deno.serve(
  { port, hostname: env['HOST'] || '127.0.0.1', onListen: () => console.log(`Notes at ${resource}`) },
  async (request, { remoteAddr }) => {
    addresses.set(request, remoteAddr.hostname)
    return (await auth.handle(request)) ?? (isMcp(request) ? guarded(request) : notFound())
  },
)
