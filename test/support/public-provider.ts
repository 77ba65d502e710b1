// An identity provider as Microsoft Entra ID is, for public clients: no registration, no S256 in the metadata, no
// `resource`, scopes with a prefix, an answer without `iss`.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { s256 } from '../../src/protocol/pkce.ts'
import { matchRedirectUri } from '../../src/protocol/redirect-uri.ts'

export const tenant = '11111111-2222-3333-4444-555555555555'
/** The application that stands for the MCP server, and the public client. */
export const serverApp = 'aaaaaaaa-1111-2222-3333-444444444444'
export const publicClient = 'bbbbbbbb-1111-2222-3333-444444444444'
export const prefix = `api://${serverApp}/`

const keys = generateKeyPair('RS256', { extractable: true })

interface Code {
  challenge: string
  redirectUri: string
  scope: string
}

export interface ProviderOptions {
  origin: string
  clock: () => number
  redirectUris: readonly string[]
}

/** What was asked of it, in order, and how it answers. */
export class PublicProvider {
  readonly issuer: string
  readonly seen: { method: string; url: URL; form: URLSearchParams; headers: Headers }[] = []
  /** Replaces the metadata's members. */
  metadata: Record<string, unknown> = {}
  /** Replaces the answer of the token endpoint. */
  tokenAnswer: (() => Response) | undefined
  isDown = false
  readonly #options: ProviderOptions
  readonly #codes = new Map<string, Code>()
  readonly #refreshTokens = new Map<string, string>()
  #count = 0

  constructor(options: ProviderOptions) {
    this.#options = options
    this.issuer = `${options.origin}/${tenant}/v2.0`
  }

  requests(path: string): { url: URL; form: URLSearchParams; headers: Headers }[] {
    return this.seen.filter(({ url }) => url.pathname.endsWith(path))
  }

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const form = new URLSearchParams(request.method === 'POST' ? await request.text() : '')
    this.seen.push({ method: request.method, url, form, headers: request.headers })
    if (this.isDown) return new Response('<h1>Bad gateway</h1>', { status: 502 })
    switch (url.pathname) {
      case `/${tenant}/v2.0/.well-known/openid-configuration`:
        return Response.json(this.#document())
      case `/${tenant}/discovery/v2.0/keys`: {
        const jwk = await exportJWK((await keys).publicKey)
        return Response.json({ keys: [{ ...jwk, kid: 'k', use: 'sig' }] })
      }
      case `/${tenant}/oauth2/v2.0/authorize`:
        return this.#authorize(url.searchParams)
      case `/${tenant}/oauth2/v2.0/token`:
        return this.tokenAnswer?.() ?? this.#token(form)
      default:
        return new Response('not found', { status: 404 })
    }
  }

  #document(): Record<string, unknown> {
    const base = `${this.#options.origin}/${tenant}`
    return {
      issuer: this.issuer,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      response_types_supported: ['code', 'id_token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...this.metadata,
    }
  }

  #authorize(ask: URLSearchParams): Response {
    const page = (text: string): Response => new Response(text, { status: 400 })
    const redirectUri = ask.get('redirect_uri') ?? ''
    if (ask.get('client_id') !== publicClient) return page('AADSTS700016: the application was not found')
    if (!matchRedirectUri(this.#options.redirectUris, redirectUri))
      return page('AADSTS50011: the redirect URI does not match')
    const back = new URL(redirectUri)
    const answer = (parameters: Record<string, string>): Response => {
      for (const [name, value] of Object.entries(parameters)) back.searchParams.set(name, value)
      if (ask.has('state')) back.searchParams.set('state', ask.get('state')!)
      return new Response(null, { status: 302, headers: { location: back.href } })
    }
    const refuse = (error: string, text: string): Response => answer({ error, error_description: text })
    if (ask.has('resource'))
      return refuse('invalid_target', 'AADSTS9010010: the resource parameter does not match the scopes')
    const wanted = (ask.get('scope') ?? '').split(' ')
    if (!wanted.some((each) => each.startsWith(prefix)))
      return refuse('invalid_client', 'AADSTS650053: asked for a scope that does not exist')
    if (ask.get('prompt') === 'consent') return refuse('access_denied', 'AADSTS90094: needs an administrator')
    if (ask.get('code_challenge_method') !== 'S256') return refuse('invalid_request', 'no PKCE')
    const code = `1.code-${++this.#count}`
    this.#codes.set(code, {
      challenge: ask.get('code_challenge')!,
      redirectUri,
      scope: wanted.join(' '),
    })
    return answer({ code, session_state: 'a-session-state' })
  }

  async #token(form: URLSearchParams): Promise<Response> {
    const refuse = (error: string, text: string): Response =>
      Response.json(
        { error, error_description: `${text}\r\nTrace ID: 0f\r\nTimestamp: now`, error_codes: [1] },
        { status: 400 },
      )
    if (form.has('resource'))
      return refuse('invalid_target', 'AADSTS9010010: the resource parameter does not match')
    if (form.has('client_secret'))
      return refuse('invalid_client', 'AADSTS700025: a public client must not send a secret')
    if (form.get('client_id') !== publicClient) return refuse('unauthorized_client', 'AADSTS700016')
    if (form.get('grant_type') === 'refresh_token') {
      const scope = this.#refreshTokens.get(form.get('refresh_token') ?? '')
      return scope === undefined
        ? refuse('invalid_grant', 'AADSTS700082: the refresh token has expired')
        : this.#issue(scope)
    }
    const code = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    const challenge = await s256(form.get('code_verifier') ?? '')
    if (code === undefined || code.challenge !== challenge || code.redirectUri !== form.get('redirect_uri'))
      return refuse('invalid_grant', 'AADSTS54005: the code was redeemed, or PKCE does not match')
    return this.#issue(code.scope)
  }

  async #issue(scope: string): Promise<Response> {
    const now = this.#options.clock()
    const scp = scope
      .split(' ')
      .filter((each) => each.startsWith(prefix))
      .map((each) => each.slice(prefix.length))
    const accessToken = await new SignJWT({
      aud: serverApp,
      iss: this.issuer,
      iat: now,
      nbf: now,
      exp: now + 3600,
      azp: publicClient,
      scp: scp.join(' '),
      sub: 'alice',
      tid: tenant,
      ver: '2.0',
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k', typ: 'JWT' })
      .sign((await keys).privateKey)
    const refreshToken = `1.refresh-${++this.#count}`
    if (scope.includes('offline_access')) this.#refreshTokens.set(refreshToken, scope)
    return Response.json({
      token_type: 'Bearer',
      scope: scp.map((each) => prefix + each).join(' '),
      expires_in: 3600,
      ext_expires_in: 3600,
      access_token: accessToken,
      ...(scope.includes('offline_access') ? { refresh_token: refreshToken } : {}),
      ...(scope.includes('openid') ? { id_token: 'a.b.c' } : {}),
    })
  }
}
