// What Tollgate does where Workers forbid most: in the global scope, and with what one request has begun for
// others.
import { WorkerEntrypoint } from 'cloudflare:workers'
import { withAuth } from '../../src/adapter/workers.ts'
import { createAuthorizationServer, memoryRateLimiter } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { scopedStore } from '../../src/authorization-server/scoped-store.ts'
import { createClient } from '../../src/client/index.ts'
import { createDpopKey } from '../../src/client/fetch/dpop.ts'
import { createResourceServer } from '../../src/index.ts'
import { MacSealer } from '../../src/lib/mac-sealer.ts'
import { createSessions } from '../../src/resource-server/sessions.ts'
import { memoryStore } from '../../src/store/memory.ts'

const issuer = 'http://127.0.0.1:8787'
const resource = `${issuer}/mcp`
const secret = 'thirty-two bytes at the very least!'

const server = (options: { secret?: string }) =>
  createAuthorizationServer({
    issuer,
    ...options,
    store: memoryStore(),
    signIn: dangerouslyDevSignIn(),
    rateLimit: memoryRateLimiter(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read' } } },
  })

const attempt = (work: () => unknown): string => {
  try {
    work()
    return 'made'
  } catch (error) {
    return String(error)
  }
}

const made = {
  withoutSecret: attempt(() => server({})),
  withSecret: attempt(() => createResourceServer({ resource, authorizationServers: [server({ secret })] })),
  sessions: attempt(() => createSessions({ secret })),
  client: attempt(() => createClient({ clientName: 'Test', redirect: `${issuer}/callback`, dpop: true })),
}

const sealing = new MacSealer([secret])
const authenticating = new MacSealer([secret])
const dpop = createDpopKey(true, () => 1)
const store = scopedStore(memoryStore(), issuer, { clock: () => 1, event: () => undefined })

let timer: Promise<unknown> | undefined

/** Each keeps a promise of the first call for all later ones. */
const kept: Record<string, () => Promise<unknown>> = {
  seal: async () => sealing.open('seal', '', await sealing.seal('seal', '', 'text')),
  mac: () => authenticating.mac('seal', 'text'),
  dpop: () => dpop.thumbprint(),
  store: () => store.get('a:b'),
  // What hangs: it shows that the others do not by chance.
  timer: () => (timer ??= new Promise((resolve) => setTimeout(resolve, 50, 'rang'))),
}

interface Context {
  waitUntil(promise: Promise<unknown>): void
  props?: unknown
  auth?: { scope: string[] }
}

/** What a handler of workers-oauth-provider's users reads. */
function read(context: Context): object {
  context.waitUntil(Promise.resolve())
  return { props: context.props, scope: context.auth?.scope, waited: true }
}

class Entrypoint extends WorkerEntrypoint {
  read = (): object => read((this as unknown as { ctx: Context }).ctx)
}

function contextOf(context: Context): Response {
  const props = { name: 'Ada' }
  const auth = { token: 'a', clientId: 'c1', scopes: ['notes:read'], subject: 'ada', props }
  const given = withAuth(context, { ...auth, resource: new URL(resource), expiresAt: 100 } as never)
  return Response.json({ object: read(given), entrypoint: new Entrypoint(given, {}).read() })
}

export default {
  async fetch(request: Request, _env: unknown, context: Context): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/context') return contextOf(context)
    const work = kept[searchParams.get('what') ?? '']
    if (work === undefined) return Response.json(made)
    const flight = work()
    // The leader ends with its work begun and nobody waiting for it.
    if (pathname === '/lead') {
      flight.catch(() => undefined)
      return new Response('gone')
    }
    const hung = new Promise((resolve) => setTimeout(resolve, 2000, 'hung'))
    return Response.json({ found: (await Promise.race([flight, hung])) ?? null })
  },
}
