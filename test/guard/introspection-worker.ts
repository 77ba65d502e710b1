// A Worker behind a guard that has to ask its issuer about each token. `/lead` begins that question and ends before the answer.
import { env, waitUntil } from 'cloudflare:workers'
import { cloudflareKv } from '../../src/cache/cloudflare-kv.ts'
import { createResourceServer } from '../../src/index.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'

const { CACHE, WAIT_UNTIL } = env as unknown as {
  CACHE: Parameters<typeof cloudflareKv>[0]
  WAIT_UNTIL: boolean
}
const issuer = 'https://as.example.com'
const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' } as const
const server = introspectionVerifier(
  { issuer, endpoint: `${issuer}/introspect` },
  { authentication, shared: true },
)
const rs = createResourceServer({
  resource: 'https://notes.example.com/mcp',
  authorizationServers: [server],
  cache: cloudflareKv(CACHE),
  cacheSecret: 'a secret of the cache, of thirty-two bytes and more',
  ...(WAIT_UNTIL ? { waitUntil } : {}),
})
const guarded = rs.protect((_request, auth) => Response.json({ subject: auth.subject }))

export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== '/lead') return guarded(request)
    const { headers } = request
    rs.authenticate(new Request('https://notes.example.com/mcp', { headers })).catch(() => undefined)
    // Long enough for the question to be on its way.
    await new Promise((resolve) => setTimeout(resolve, 300))
    return new Response('ended')
  },
}
