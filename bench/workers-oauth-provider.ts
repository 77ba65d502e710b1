// @cloudflare/workers-oauth-provider in Node: one provider with an in-memory KV, as its README shows it.
import { registerHooks } from 'node:module'
import { createHash, randomBytes } from 'node:crypto'

const stub =
  'data:text/javascript,export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }; export const env = {}; export const waitUntil = () => {}'
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'cloudflare:workers' ? { url: stub, shortCircuit: true } : next(specifier, context),
})

const origin = 'https://mcp.example.com'
const redirect = 'https://app.example.com/cb'

class MemoryKv {
  readonly entries = new Map<string, { value: string; metadata?: unknown }>()
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

export async function workersProvider() {
  const { OAuthProvider } = await import('@cloudflare/workers-oauth-provider')
  const kv = new MemoryKv()
  let users = 0
  const env: Record<string, unknown> = { OAUTH_KV: kv }
  const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
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
  const fetch = (request: Request): Promise<Response> => provider.fetch(request, env as never, ctx as never)

  const registered = await fetch(
    new Request(`${origin}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'bench',
        redirect_uris: [redirect],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      }),
    }),
  )
  const { client_id: clientId } = (await registered.json()) as { client_id: string }

  async function code(): Promise<{ code: string; verifier: string }> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirect,
      scope: 'notes:read notes:write',
      state: 'x',
      resource: `${origin}/mcp`,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const response = await fetch(new Request(`${origin}/authorize?${query}`))
    const location = response.headers.get('location')
    if (!location) throw new Error(`workers-oauth-provider: ${response.status} ${await response.text()}`)
    return { code: new URL(location).searchParams.get('code')!, verifier }
  }
  const token = (form: Record<string, string>): Promise<Response> =>
    fetch(
      new Request(`${origin}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ client_id: clientId, resource: `${origin}/mcp`, ...form }),
      }),
    )

  async function exchange({
    code,
    verifier,
  }: {
    code: string
    verifier: string
  }): Promise<Record<string, string>> {
    const response = await token({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirect,
    })
    if (response.status !== 200) throw new Error(`workers-oauth-provider: ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  async function refresh(refreshToken: string): Promise<Record<string, string>> {
    const response = await token({ grant_type: 'refresh_token', refresh_token: refreshToken })
    if (response.status !== 200) throw new Error(`workers-oauth-provider: ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }

  const issued: Buffer[] = []
  for (let i = 0; i < 200; i++)
    issued.push(Buffer.from((await exchange(await code()))['access_token']!, 'latin1'))
  const refused = await fetch(
    new Request(`${origin}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${issued[0]!.latin1Slice()}x` },
    }),
  )
  if (refused.status !== 401)
    throw new Error(`workers-oauth-provider does not refuse a bad token: ${refused.status}`)
  return {
    handler: fetch,
    fresh: (i: number): string => issued[i % issued.length]!.latin1Slice(),
    code,
    exchange,
    refresh,
  }
}
