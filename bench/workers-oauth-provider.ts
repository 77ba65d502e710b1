// @cloudflare/workers-oauth-provider: one provider with an in-memory KV, as its README shows it; on Node as in workerd.
import { authorizationRequest, redirectUri, tokenEndpoint, type Issuer } from './issuers.ts'

const origin = 'https://mcp.example.com'

/** A KV namespace in memory that can be set back. */
class MemoryKv {
  entries = new Map<string, { value: string; metadata?: unknown }>()
  #kept = this.entries
  keep(): void {
    this.#kept = new Map(this.entries)
  }
  rewind(): void {
    this.entries = new Map(this.#kept)
  }
  async get(key: string, options?: string | { type?: string }): Promise<unknown> {
    const found = this.entries.get(key)?.value
    const type = typeof options === 'string' ? options : options?.type
    return found === undefined ? null : type === 'json' ? JSON.parse(found) : found
  }
  async getWithMetadata(key: string, options?: { type?: string }): Promise<unknown> {
    return { value: await this.get(key, options), metadata: this.entries.get(key)?.metadata ?? null }
  }
  async put(key: string, value: string, options?: { metadata?: unknown }): Promise<void> {
    this.entries.set(key, { value, metadata: options?.metadata })
  }
  async delete(key: string): Promise<void> {
    this.entries.delete(key)
  }
  async list({ prefix = '' }: { prefix?: string } = {}): Promise<unknown> {
    const keys = [...this.entries.keys()].filter((key) => key.startsWith(prefix)).map((name) => ({ name }))
    return { keys, list_complete: true, cacheStatus: null }
  }
}

export async function workersIssuer(): Promise<{
  issuer: Issuer
  handler: (request: Request) => Promise<Response>
  accessToken: () => Promise<string>
}> {
  // Only now: on Node, what it imports from the platform has to be there first.
  const { OAuthProvider } = await import('@cloudflare/workers-oauth-provider')
  const kv = new MemoryKv()
  const env: Record<string, unknown> = { OAUTH_KV: kv }
  const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
  let users = 0
  const provider = new OAuthProvider({
    apiRoute: '/mcp',
    apiHandler: { fetch: async () => new Response(null, { status: 200 }) } as never,
    defaultHandler: {
      async fetch(request: Request, { OAUTH_PROVIDER: helpers }: { OAUTH_PROVIDER: any }) {
        const parsed = await helpers.parseAuthRequest(request)
        const { redirectTo } = await helpers.completeAuthorization({
          request: parsed,
          userId: `user-${users++}`,
          metadata: {},
          scope: parsed.scope,
          props: { name: 'alice' },
        })
        return new Response(null, { status: 302, headers: { location: redirectTo } })
      },
    } as never,
    authorizeEndpoint: '/authorize',
    tokenEndpoint: '/token',
    clientRegistrationEndpoint: '/register',
    scopesSupported: ['notes:read', 'notes:write'],
    resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin] },
    requiredScopes: ['notes:read'],
  } as never)
  const handler = (request: Request): Promise<Response> => provider.fetch(request, env as never, ctx as never)
  const registered = await handler(
    new Request(`${origin}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'bench',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      }),
    }),
  )
  const { client_id } = (await registered.json()) as { client_id: string }
  const resource = `${origin}/mcp`
  const name = 'workers-oauth-provider'
  const token = tokenEndpoint(name, handler, `${origin}/token`, { client_id, resource })
  const issuer: Issuer = {
    name,
    keep: () => kv.keep(),
    rewind: () => kv.rewind(),
    async code() {
      const scope = 'notes:read notes:write'
      const { query, code_verifier } = await authorizationRequest({ client_id, resource, scope, state: 'x' })
      const response = await handler(new Request(`${origin}/authorize?${query}`))
      const location = response.headers.get('location')
      if (!location) throw new Error(`${name}: ${response.status} ${await response.text()}`)
      return { code: new URL(location).searchParams.get('code')!, code_verifier }
    },
    ...token,
  }
  const accessToken = async (): Promise<string> => {
    const fields = { ...(await issuer.code()), grant_type: 'authorization_code', redirect_uri: redirectUri }
    return (await token.answer(fields))['access_token']!
  }
  return { issuer, handler, accessToken }
}
