// A protected MCP server and an authorization server, in memory behind one `fetch`. Every answer can be
// replaced.
import { calculatePKCECodeChallenge } from 'oauth4webapi'
import { withSegment } from '../../src/client/identity/issuer-redirect.ts'
import type { Redirect } from '../../src/client/index.ts'

export const resource = 'https://mcp.test/mcp'
export const issuer = 'https://as.test'
export const prmUrl = 'https://mcp.test/.well-known/oauth-protected-resource/mcp'
export const asUrl = 'https://as.test/.well-known/oauth-authorization-server'

export interface Seen {
  method: string
  url: string
  headers: Headers
  body: string
}
type Answer = (request: Seen) => Response | Promise<Response>

interface Grant {
  scope: string
  resource: string | null
  clientId: string
}

export interface World {
  fetch: typeof fetch
  /** All requests, in order. */
  seen: Seen[]
  now: number
  clock: () => number
  /** Replaces the answer at this URL (without query). */
  on(url: string, answer: Answer | object | number): void
  /** Requests to URLs that start so. */
  to(url: string): Seen[]
  forms(url: string): Record<string, string>[]
  /** What the MCP server wants. */
  needed: string[]
  challengeScope: string | undefined
  /** Where the challenge says that the resource metadata are. */
  challengeUrl: string
  /** Access tokens that are good. */
  tokens: Map<string, Grant>
  refreshTokens: Map<string, Grant>
  issueRefresh: boolean
  /** Clients may ask only for what they registered, and cannot register other scopes than these. */
  boundScopes: string[] | undefined
  expiresIn: number | undefined
  prm: Record<string, unknown>
  metadata: Record<string, unknown>
  /** Approves at once. */
  redirect: Redirect
  /** The pages that were opened. */
  opened: URL[]
  /** Changes what comes back from the authorization page. */
  tamper: (callback: URL) => void
}

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json', ...headers } })

const challengeOf = (parameters: Record<string, string | undefined>): string => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return `Bearer ${given.map(([name, value]) => `${name}="${value}"`).join(', ')}`
}

const sendBack = (back: URL, ask: URLSearchParams, answer: Record<string, string>): Response => {
  back.search = new URLSearchParams({ ...answer, state: ask.get('state')! }).toString()
  return new Response(null, { status: 302, headers: { location: back.href } })
}

let number = 0
/** Long enough to look like a credential. */
const secret = (kind: string): string => `${kind}-${++number}-${crypto.randomUUID()}`

/**
 * The MCP server names another authorization server, with metadata like the honest one's and endpoints of its
 * own.
 */
export function nameServer(world: World, other: string, clientId: string, more: object = {}): void {
  world.prm['authorization_servers'] = [other]
  world.on(`${other}/.well-known/oauth-authorization-server`, () =>
    json({
      ...world.metadata,
      issuer: other,
      token_endpoint: `${other}/token`,
      registration_endpoint: `${other}/register`,
      ...more,
    }),
  )
  world.on(`${other}/register`, () => json({ client_id: clientId }, 201))
}

export function createWorld(): World {
  const routes = new Map<string, Answer>()
  const codes = new Map<string, Grant & { challenge: string; redirectUri: string }>()
  const world: World = {
    seen: [],
    now: 1_800_000_000,
    clock: () => world.now,
    needed: ['read'],
    challengeScope: 'read',
    challengeUrl: prmUrl,
    tokens: new Map(),
    refreshTokens: new Map(),
    issueRefresh: true,
    boundScopes: undefined,
    expiresIn: 900,
    prm: { resource, authorization_servers: [issuer] },
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      revocation_endpoint: `${issuer}/revoke`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      authorization_response_iss_parameter_supported: true,
    },
    opened: [],
    tamper: () => undefined,
    redirect: {
      listen: async (_, { segment }) => ({
        uri: withSegment('http://127.0.0.1:3000/callback', segment),
        close: () => undefined,
      }),
      open: async (url) => {
        world.opened.push(url)
        const response = await world.fetch(url, { redirect: 'manual' })
        const callback = new URL(response.headers.get('location')!)
        world.tamper(callback)
        return callback
      },
    },
    on: (url, answer) => {
      const fixed = (): Response =>
        typeof answer === 'number' ? new Response('no', { status: answer }) : json(answer)
      routes.set(url, typeof answer === 'function' ? (answer as Answer) : fixed)
    },
    to: (url) => world.seen.filter((request) => request.url.startsWith(url)),
    forms: (url) => world.to(url).map(({ body }) => Object.fromEntries(new URLSearchParams(body))),
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { method, url, headers } = request
      const seen = { method, url, headers, body: await request.text() }
      world.seen.push(seen)
      if (init?.signal?.aborted) throw new DOMException('aborted', 'AbortError')
      // As a network does it: others get their turn.
      await new Promise((resolve) => setTimeout(resolve, 0))
      const route = routes.get(url.split('?', 1)[0]!)
      return route === undefined ? new Response('not found', { status: 404 }) : route(seen)
    },
  }

  const issue = (grant: Grant): Response => {
    const accessToken = secret('access')
    const refreshToken = secret('refresh')
    world.tokens.set(accessToken, grant)
    if (world.issueRefresh) world.refreshTokens.set(refreshToken, grant)
    return json({
      access_token: accessToken,
      token_type: 'Bearer',
      scope: grant.scope,
      ...(world.expiresIn === undefined ? {} : { expires_in: world.expiresIn }),
      ...(world.issueRefresh ? { refresh_token: refreshToken } : {}),
    })
  }

  world.on(prmUrl, () => json(world.prm))
  world.on(asUrl, () => json(world.metadata))
  world.on(resource, ({ headers, body }) => {
    const grant = world.tokens.get((headers.get('authorization') ?? '').replace('Bearer ', ''))
    const refuse = (status: number, parameters: Record<string, string | undefined>): Response =>
      new Response(null, { status, headers: { 'www-authenticate': challengeOf(parameters) } })
    if (grant === undefined)
      return refuse(401, { scope: world.challengeScope, resource_metadata: world.challengeUrl })
    const granted = grant.scope.split(' ')
    if (!world.needed.every((scope) => granted.includes(scope)))
      return refuse(403, {
        error: 'insufficient_scope',
        scope: world.needed.join(' '),
        resource_metadata: prmUrl,
      })
    return json({ ok: true, echo: body })
  })
  const registered = new Map<string, string[]>()
  world.on(`${issuer}/register`, ({ body }) => {
    const wish = JSON.parse(body) as { scope?: string }
    const scopes = wish.scope?.split(' ') ?? []
    if (world.boundScopes && !scopes.every((scope) => world.boundScopes!.includes(scope)))
      return json({ error: 'invalid_client_metadata', error_description: 'scope must only contain …' }, 400)
    const clientId = secret('client')
    registered.set(clientId, scopes)
    return json({ ...wish, client_id: clientId }, 201)
  })
  world.on(`${issuer}/authorize`, ({ url }) => {
    const ask = new URL(url).searchParams
    const code = secret('code')
    const back = new URL(ask.get('redirect_uri')!)
    const asked = ask.get('scope')?.split(' ') ?? []
    if (world.boundScopes && !asked.every((scope) => registered.get(ask.get('client_id')!)?.includes(scope)))
      return sendBack(back, ask, {
        iss: String(world.metadata['issuer']),
        error: 'invalid_scope',
        error_description: 'The client may not ask for\u0007 this scope',
      })
    codes.set(code, {
      challenge: ask.get('code_challenge')!,
      redirectUri: ask.get('redirect_uri')!,
      scope: ask.get('scope') ?? 'read',
      resource: ask.get('resource'),
      clientId: ask.get('client_id')!,
    })
    return sendBack(back, ask, { iss: String(world.metadata['issuer']), code })
  })
  world.on(`${issuer}/token`, async ({ body }) => {
    const form = new URLSearchParams(body)
    if (form.get('grant_type') === 'authorization_code') {
      const grant = codes.get(form.get('code')!)
      codes.delete(form.get('code')!)
      const challenge = await calculatePKCECodeChallenge(form.get('code_verifier')!)
      if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri'))
        return json({ error: 'invalid_grant' }, 400)
      return issue(grant)
    }
    if (form.get('grant_type') === 'refresh_token') {
      const grant = world.refreshTokens.get(form.get('refresh_token')!)
      world.refreshTokens.delete(form.get('refresh_token')!)
      return grant === undefined ? json({ error: 'invalid_grant' }, 400) : issue(grant)
    }
    return issue({
      scope: form.get('scope') ?? 'read',
      resource: form.get('resource'),
      clientId: form.get('client_id') ?? '',
    })
  })
  world.on(`${issuer}/revoke`, ({ body }) => {
    const token = new URLSearchParams(body).get('token')!
    world.tokens.delete(token)
    world.refreshTokens.delete(token)
    return new Response(null, { status: 200 })
  })
  return world
}
