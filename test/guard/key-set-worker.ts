// A Worker behind a guard that has to fetch its issuer's keys. `/lead` begins that fetch and ends before it comes back.
import { env, waitUntil } from 'cloudflare:workers'
import { cloudflareKv } from '../../src/cache/cloudflare-kv.ts'
import { createResourceServer } from '../../src/index.ts'

const { CACHE, WAIT_UNTIL } = env as unknown as {
  CACHE: Parameters<typeof cloudflareKv>[0]
  WAIT_UNTIL: boolean
}
const rs = createResourceServer({
  resource: 'https://notes.example.com/mcp',
  authorizationServers: ['https://as.example.com'],
  cache: cloudflareKv(CACHE),
  ...(WAIT_UNTIL ? { waitUntil } : {}),
})
const guarded = rs.protect((_request, auth) => Response.json({ subject: auth.subject }))

export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== '/lead') return guarded(request)
    const { headers } = request
    rs.authenticate(new Request('https://notes.example.com/mcp', { headers })).catch(() => undefined)
    // Long enough for its first call to be on its way.
    await new Promise((resolve) => setTimeout(resolve, 300))
    return new Response('ended')
  },
}
