// What the imitated identity providers share: an authorization code flow over HTTP, as a Web-standard handler.
// Each provider's file says what it checks and answers, from its documentation and not from its preset.
// `upstream-imitation.ts` is the one that can be made to attack.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import type { Provider } from '../../../src/types.ts'

/** Of every test that has no clock of its own. */
export const now = 1_800_000_000

export interface ImitatedUser {
  readonly id: string
  readonly login: string
  readonly name: string
  readonly email: string
  readonly emailVerified: boolean
  /** Of a provider with tenants: the user's. */
  readonly tenant?: string
}

export const alice: ImitatedUser = {
  id: '583231',
  login: 'alice',
  name: 'Alice Example',
  email: 'alice@example.com',
  emailVerified: true,
}

/** The same email address as Alice, not verified: another person. */
export const mallory: ImitatedUser = { ...alice, id: '666', login: 'mallory', emailVerified: false }

export interface ImitatedClient {
  readonly id: string
  /** None: a public client. */
  readonly secret?: string
  readonly redirectUris: readonly string[]
}

/** What a user has let the client do. */
export interface ImitatedGrant {
  readonly user: ImitatedUser
  readonly scopes: readonly string[]
  /** Of the authorization request. */
  readonly parameters: URLSearchParams
  ended: boolean
  readonly madeAt: number
}

/** Why a request is refused. `page`: shown there, since no redirect may follow. */
export interface Refusal {
  readonly error: string
  readonly description: string
  readonly page?: boolean
  readonly status?: number
}

export interface Issued {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly idToken?: string
}

type Handler = (request: Request, time: number) => Promise<Response>

/** What one provider does. URLs are whole; `issuer` is that of its ID tokens. */
export interface Behaviour {
  readonly preset: Provider
  readonly client: ImitatedClient
  readonly urls: { authorize: string; token: string; userinfo?: string; revocation?: string; jwks?: string }
  /** What `GET` finds where: the metadata. */
  readonly documents?: Readonly<Record<string, object>>
  readonly clientAuth: readonly ('basic' | 'post' | 'none')[]
  /** Beyond client, redirect URI, response type and PKCE. */
  checkAuthorization?(parameters: URLSearchParams): Refusal | undefined
  /** Parameters of the authorization response beside `code` and `state`. */
  readonly responseParameters?: Readonly<Record<string, string>>
  checkToken?(form: URLSearchParams, grant: ImitatedGrant): Refusal | undefined
  accessToken(grant: ImitatedGrant, id: string): string | Promise<string>
  /** Whether a refresh token comes with it; `first`: at the code exchange. */
  refreshes(grant: ImitatedGrant, first: boolean): boolean
  /** Whether a refresh ends the refresh token that it was made with. */
  readonly rotates?: boolean
  /** Seconds from the sign-in for which refresh tokens live. Default: for ever. */
  refreshLifetime?(grant: ImitatedGrant): number | undefined
  /** Claims of the ID token, beside times and nonce. Undefined: no ID token. */
  idToken?(grant: ImitatedGrant): Record<string, unknown> | undefined
  answer(issued: Issued, grant: ImitatedGrant): Record<string, unknown>
  refusal?(refusal: Refusal): Response
  userinfo?(grant: ImitatedGrant): Record<string, unknown>
  /** Revoking one token ends all that the client has for this user. */
  readonly revocationEndsAll?: boolean
  readonly limited?: (url: string) => Response | undefined
  /** Other endpoints, by `METHOD url`. */
  routes?(state: ImitationState): Readonly<Record<string, Handler>>
}

export interface ImitationState {
  /** The grant of a living access token. */
  grantOf(accessToken: string | undefined): ImitatedGrant | undefined
  clientOf(request: Request, form: URLSearchParams): boolean
}

export interface ProviderImitation {
  readonly preset: Provider
  readonly client: ImitatedClient
  readonly urls: Behaviour['urls']
  readonly clientAuth: Behaviour['clientAuth']
  readonly origins: readonly string[]
  /** Who is signed in in the browser that comes to the authorization endpoint. */
  user: ImitatedUser | undefined
  /** Its time, in seconds. */
  clock: () => number
  /** Every request, with its parameters: those of the query or the form. */
  readonly requests: readonly { method: string; url: string; parameters: URLSearchParams; headers: Headers }[]
  handle(request: Request): Promise<Response>
  /** The next request to a URL that has this text is answered like this. */
  failNext(status: 429 | 500, at?: string): void
  /** Access tokens end; refresh tokens stay. */
  expireAccessTokens(): void
  /** As if the user removed the application there. */
  removeApplication(): void
}

const kid = 'imitated'
const keys = generateKeyPair('RS256', { extractable: true })

/** A JWT of the key that all imitations share, so that only a preset's data tells them apart. */
export async function signed(
  claims: Record<string, unknown>,
  { typ, time = now }: { typ?: string; time?: number } = {},
): Promise<string> {
  const { privateKey } = await keys
  return new SignJWT({ iat: time, exp: time + 3600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid, ...(typ === undefined ? {} : { typ }) })
    .sign(privateKey)
}

export async function keySet(): Promise<Response> {
  const { publicKey } = await keys
  return Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] })
}

export const bearerOf = (request: Request): string | undefined =>
  /^(?:Bearer|token) (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]

const html = (text: string, status: number): Response =>
  new Response(`<!doctype html><p>${text}</p>`, { status, headers: { 'content-type': 'text/html' } })

const redirect = (to: string, parameters: Record<string, string>): Response => {
  const url = new URL(to)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return new Response(null, { status: 302, headers: { location: url.href } })
}

const oauthRefusal = ({ error, description, status = 400 }: Refusal): Response =>
  Response.json(
    { error, error_description: description },
    { status, headers: { 'cache-control': 'no-store' } },
  )

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** An imitation of one provider. */
export function imitate(behaviour: Behaviour): ProviderImitation {
  const { client, urls, refusal = oauthRefusal } = behaviour
  const codes = new Map<string, ImitatedGrant>()
  const refreshTokens = new Map<string, ImitatedGrant>()
  const accessTokens = new Map<string, ImitatedGrant>()
  const failures: { status: 429 | 500; at: string }[] = []
  const requests: ProviderImitation['requests'][number][] = []
  let count = 0

  function clientOf(request: Request, form: URLSearchParams): boolean {
    const [scheme, value = ''] = (request.headers.get('authorization') ?? '').split(' ')
    if (scheme === 'Basic') {
      const [id, secret] = atob(value).split(':').map(decodeURIComponent)
      return behaviour.clientAuth.includes('basic') && id === client.id && secret === client.secret
    }
    if (form.get('client_id') !== client.id) return false
    const secret = form.get('client_secret')
    if (secret === null) return behaviour.clientAuth.includes('none') && client.secret === undefined
    return behaviour.clientAuth.includes('post') && secret === client.secret
  }

  async function authorize(
    request: Request,
    { user, clock }: Pick<ProviderImitation, 'user' | 'clock'>,
  ): Promise<Response> {
    const parameters = new URL(request.url).searchParams
    const to = parameters.get('redirect_uri') ?? ''
    if (parameters.get('client_id') !== client.id) return html('unknown client', 400)
    // Exactly as registered: no prefix, no other port.
    if (!client.redirectUris.includes(to)) return html('the redirect URI is not registered', 400)
    const state: Record<string, string> = parameters.has('state') ? { state: parameters.get('state')! } : {}
    const refused = wrongRequest(parameters) ?? behaviour.checkAuthorization?.(parameters)
    if (refused?.page) return html(`${refused.error}: ${refused.description}`, refused.status ?? 400)
    if (refused)
      return redirect(to, { error: refused.error, error_description: refused.description, ...state })
    if (user === undefined) return html('Sign in', 200)
    const code = `code-${++count}`
    const scopes = (parameters.get('scope') ?? '').split(' ').filter(Boolean)
    codes.set(code, { user, scopes, parameters, ended: false, madeAt: clock() })
    return redirect(to, { code, ...state, ...behaviour.responseParameters })
  }

  async function token(request: Request, time: number): Promise<Response> {
    const form = new URLSearchParams(await request.text())
    if (!clientOf(request, form))
      return refusal({ error: 'invalid_client', description: 'client authentication failed', status: 401 })
    const first = form.get('grant_type') === 'authorization_code'
    if (!first && form.get('grant_type') !== 'refresh_token')
      return refusal({ error: 'unsupported_grant_type', description: 'unsupported' })
    const from = first ? codes : refreshTokens
    const presented = form.get(first ? 'code' : 'refresh_token') ?? ''
    const grant = from.get(presented)
    const dead: Refusal = { error: 'invalid_grant', description: 'it is unknown, expired or revoked' }
    if (grant === undefined || grant.ended) return refusal(dead)
    const lifetime = behaviour.refreshLifetime?.(grant) ?? Infinity
    if (!first && time > grant.madeAt + lifetime) return refusal(dead)
    if (first && !(await matches(form, grant))) return refusal(dead)
    const refused = behaviour.checkToken?.(form, grant)
    if (refused) return refusal(refused)
    if (first || behaviour.rotates) from.delete(presented)
    const accessToken = await behaviour.accessToken(grant, String(++count))
    accessTokens.set(accessToken, grant)
    const renews = behaviour.refreshes(grant, first)
    const refreshToken = renews ? `refresh-${++count}` : undefined
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, grant)
    const claims = behaviour.idToken?.(grant)
    const nonce = first ? grant.parameters.get('nonce') : null
    const idToken =
      claims && (await signed({ ...claims, ...(nonce === null ? {} : { nonce }) }, { typ: 'JWT', time }))
    const issued = {
      accessToken,
      ...(refreshToken === undefined ? {} : { refreshToken }),
      ...(idToken === undefined ? {} : { idToken }),
    }
    return Response.json(behaviour.answer(issued, grant), { headers: { 'cache-control': 'no-store' } })
  }

  async function revoke(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text())
    const presented = form.get('token') ?? ''
    const grant = refreshTokens.get(presented) ?? accessTokens.get(presented)
    if (behaviour.revocationEndsAll) {
      if (grant === undefined || grant.ended)
        return oauthRefusal({ error: 'invalid_token', description: 'Token expired or revoked' })
      for (const each of [...refreshTokens.values(), ...accessTokens.values()])
        if (each.user.id === grant.user.id) each.ended = true
      return Response.json({})
    }
    if (!clientOf(request, form))
      return refusal({ error: 'invalid_client', description: 'client authentication failed', status: 401 })
    if (grant !== undefined) grant.ended = true
    return new Response(null, { status: 200 })
  }

  const state: ImitationState = {
    grantOf(accessToken) {
      const grant = accessTokens.get(accessToken ?? '')
      return grant?.ended === false ? grant : undefined
    },
    clientOf,
  }

  async function userinfo(request: Request): Promise<Response> {
    const grant = state.grantOf(bearerOf(request))
    if (grant === undefined)
      return new Response(null, {
        status: 401,
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      })
    return Response.json(behaviour.userinfo!(grant))
  }

  const documents = Object.entries(behaviour.documents ?? {}).map(
    ([url, document]) => [`GET ${url}`, async () => Response.json(document)] as const,
  )
  const own = {
    [`POST ${urls.token}`]: token,
    ...(urls.userinfo && { [`GET ${urls.userinfo}`]: userinfo }),
    ...(urls.revocation && { [`POST ${urls.revocation}`]: revoke }),
    ...(urls.jwks && { [`GET ${urls.jwks}`]: keySet }),
    ...Object.fromEntries(documents),
    ...behaviour.routes?.(state),
  }
  const addresses = [...Object.keys(own).map((route) => route.split(' ')[1]!), urls.authorize]

  return {
    preset: behaviour.preset,
    client,
    urls,
    clientAuth: behaviour.clientAuth,
    origins: [...new Set(addresses.map((address) => new URL(address).origin))],
    user: undefined,
    clock: () => now,
    requests,
    async handle(request) {
      const { method, url } = request
      const { origin, pathname, search, searchParams } = new URL(url)
      const query = method === 'GET' ? searchParams : new URLSearchParams(await request.clone().text())
      requests.push({ method, url: origin + pathname, parameters: query, headers: request.headers })
      const failing = failures.findIndex(({ at }) => url.includes(at))
      if (failing >= 0) {
        const { status } = failures.splice(failing, 1)[0]!
        if (status === 500) return html('Bad gateway', 502)
        return behaviour.limited?.(url) ?? new Response('', { status, headers: { 'retry-after': '7' } })
      }
      if (method === 'GET' && origin + pathname === urls.authorize) return authorize(request, this)
      const route = own[`${method} ${origin}${pathname}${search}`] ?? own[`${method} ${origin}${pathname}`]
      return route === undefined ? html('Not found', 404) : route(request, this.clock())
    },
    failNext: (status, at = '') => void failures.push({ status, at }),
    expireAccessTokens: () => accessTokens.clear(),
    removeApplication() {
      for (const each of [...codes.values(), ...refreshTokens.values(), ...accessTokens.values()])
        each.ended = true
    },
  }
}

/** RFC 6749 §4.1.1 and RFC 7636 §4.3. */
function wrongRequest(parameters: URLSearchParams): Refusal | undefined {
  if (parameters.get('response_type') !== 'code')
    return { error: 'unsupported_response_type', description: 'only code' }
  if (parameters.has('code_challenge') && parameters.get('code_challenge_method') !== 'S256')
    return { error: 'invalid_request', description: 'code_challenge_method must be S256' }
  return undefined
}

/** RFC 6749 §4.1.3 and RFC 7636 §4.6. */
async function matches(form: URLSearchParams, { parameters }: ImitatedGrant): Promise<boolean> {
  if (form.get('redirect_uri') !== parameters.get('redirect_uri')) return false
  const challenge = parameters.get('code_challenge')
  return challenge === null || challenge === (await challengeOf(form.get('code_verifier') ?? ''))
}

/** The flow without Tollgate: what the token endpoint answers a client that sends these parameters. */
export async function obtainTokens(
  imitation: ProviderImitation,
  user: ImitatedUser,
  parameters: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const { client, urls } = imitation
  imitation.user = user
  const verifier = 'v'.repeat(43)
  const authorize = new URL(urls.authorize)
  const request = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUris[0]!,
    state: 'state',
    code_challenge: await challengeOf(verifier),
    code_challenge_method: 'S256',
    ...parameters,
  }
  for (const [name, value] of Object.entries(request)) authorize.searchParams.set(name, value)
  const answer = await imitation.handle(new Request(authorize))
  const location = answer.headers.get('location')
  if (location === null) throw new Error(`${answer.status} ${await answer.text()}`)
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: new URL(location).searchParams.get('code') ?? '',
    redirect_uri: client.redirectUris[0]!,
    code_verifier: verifier,
  })
  const headers: Record<string, string> = {}
  if (imitation.clientAuth.includes('post')) {
    body.set('client_id', client.id)
    if (client.secret !== undefined) body.set('client_secret', client.secret)
  } else headers['authorization'] = `Basic ${btoa(`${client.id}:${client.secret}`)}`
  const tokens = await imitation.handle(new Request(urls.token, { method: 'POST', headers, body }))
  return (await tokens.json()) as Record<string, unknown>
}

/** The internet, as far as these providers make it. */
export const fetchOf =
  (...imitations: readonly ProviderImitation[]): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init)
    const { origin } = new URL(request.url)
    const found = imitations.find(({ origins }) => origins.includes(origin))
    if (found === undefined) throw new TypeError(`no such host: ${origin}`)
    return found.handle(request)
  }
