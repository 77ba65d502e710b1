// A Worker as the users of @cloudflare/workers-oauth-provider write it: the notes server behind it, and a
// user who approves everything.
import { insufficientScope, OAuthProvider } from '@cloudflare/workers-oauth-provider'
import { env } from 'cloudflare:workers'
import { memory, notes } from '../../examples/common/notes.ts'
import type { AuthInfo } from '../../src/index.ts'

const { ORIGIN } = env as unknown as { ORIGIN: string }
const mcp = notes(memory())

interface Caller {
  auth: { audience: string; clientId: string; scope: string[] }
  props: { userId: string }
}

const apiHandler = {
  async fetch(request: Request, _env: unknown, { auth, props }: Caller): Promise<Response> {
    const body = await request.clone().text()
    if (body.includes('"write_note"') && !auth.scope.includes('notes:write'))
      return insufficientScope(auth as never, ['notes:write'])
    return mcp(request, { issuer: ORIGIN, subject: props.userId, clientId: auth.clientId } as AuthInfo)
  },
}

const defaultHandler = {
  async fetch(request: Request, { OAUTH_PROVIDER: helpers }: { OAUTH_PROVIDER: any }): Promise<Response> {
    if (new URL(request.url).pathname !== '/authorize') return new Response(null, { status: 404 })
    const asked = await helpers.parseAuthRequest(request)
    const { redirectTo } = await helpers.completeAuthorization({
      request: asked,
      userId: 'alice',
      metadata: {},
      scope: asked.scope,
      props: { userId: 'alice' },
    })
    return Response.redirect(redirectTo, 302)
  },
}

export default new OAuthProvider({
  apiRoute: '/mcp',
  apiHandler,
  defaultHandler,
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/token',
  clientRegistrationEndpoint: '/register',
  scopesSupported: ['notes:read', 'notes:write'],
  resourceMetadata: { resource: `${ORIGIN}/mcp`, authorization_servers: [ORIGIN] },
  requiredScopes: ['notes:read'],
} as never)
