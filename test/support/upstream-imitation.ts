// An identity provider at HTTP level: OpenID Connect with code, PKCE, refresh and revocation. What it answers can
// be changed, so that it imitates others and attackers.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { s256 } from '../../src/protocol/pkce.ts'
import type { Fetch, Provider } from '../../src/types.ts'

/** One request that it got. The body of a form is in `form`. */
export interface ImitatedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly form: URLSearchParams
}

type Claims = Record<string, unknown>
type Answer = (
  request: Request,
  seen: ImitatedRequest,
) => Response | undefined | Promise<Response | undefined>

interface Sent {
  readonly query: URLSearchParams
  readonly user: Claims
  readonly authTime: number
}

/** The object without these members. */
export const without = (object: Claims, ...names: string[]): Claims =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))

export interface ImitationOptions {
  /** Of its tokens, to tell two providers apart. */
  tokenPrefix?: string
  issuer?: string
  clientId?: string
  /** Undefined: the client is public. */
  clientSecret?: string | undefined
  clock?: () => number
  /** Members that the metadata have beside or in place of the usual ones; undefined: not there. */
  metadata?: Claims
}

export class UpstreamImitation {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | undefined
  readonly tokenPrefix: string
  readonly metadata: Claims
  clock: () => number
  readonly requests: ImitatedRequest[] = []
  /** Tokens that were issued and those that were revoked, in order. */
  readonly issued: { accessToken: string; refreshToken: string }[] = []
  readonly revoked: string[] = []
  /** Seconds. */
  lifetime = 3600
  /** Changes the claims of the next ID tokens; the value `undefined` leaves a claim out. */
  claims: (claims: Claims) => Claims = (claims) => claims
  /** Changes the token answer. */
  tokenAnswer: (answer: Claims) => Claims = (answer) => answer
  /** What `sign` does with the payload, in place of signing with the published key. */
  sign: ((payload: Claims) => Promise<string>) | undefined
  /** The `kid` of the key that signs and is published. */
  kid = 'key-1'
  alg = 'ES256'
  #user: Claims | undefined
  readonly #answers = new Map<string, Answer>()
  readonly #codes = new Map<string, Sent>()
  readonly #grants = new Map<string, Sent>()
  readonly #keys = new Map<string, ReturnType<typeof generateKeyPair>>()

  constructor(options: ImitationOptions = {}) {
    this.issuer = options.issuer ?? 'https://id.acme.test'
    this.clientId = options.clientId ?? 'our client'
    this.clientSecret = 'clientSecret' in options ? options.clientSecret : 'hush: +%/'
    this.tokenPrefix = options.tokenPrefix ?? 'upstream'
    this.clock = options.clock ?? (() => 1_800_000_000)
    this.metadata = {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      revocation_endpoint: `${this.issuer}/revoke`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ['code'],
      ...options.metadata,
    }
  }

  /** As a preset has it. */
  provider(more: Partial<Provider> = {}): Provider {
    const data: Provider = {
      provider: 'acme',
      issuer: this.issuer,
      clientId: this.clientId,
      signIn: { name: 'Acme', protocol: 'oidc', offlineScope: 'offline_access', revocationEndsAll: false },
      ...more,
    }
    if (this.clientSecret === undefined) return data
    const value = { clientId: this.clientId, clientSecret: this.clientSecret }
    return Object.defineProperty(data, 'credentials', { value, enumerable: false })
  }

  /** Who is signed in at the provider, with the claims that it has. Undefined: the user declines. */
  login(user: Claims | undefined): void {
    this.#user = user
  }

  /** Answers requests to this path in place of the imitation, unless it returns undefined. */
  on(path: string, answer: Answer): void {
    this.#answers.set(path, answer)
  }

  /** For the servers that call it. Other hosts do not exist. */
  readonly fetch: Fetch = async (input, init) => {
    const request = new Request(input, init)
    if (new URL(request.url).origin !== new URL(this.issuer).origin) throw new TypeError('no such host')
    return this.handle(request)
  }

  /** The browser opens its page and signs in; where it is sent then. */
  async visit(url: string | URL): Promise<URL> {
    const response = await this.handle(new Request(url, { redirect: 'manual' }))
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${response.status} ${await response.text()}`)
    return new URL(location)
  }

  /** The requests to one path. */
  to(path: string): ImitatedRequest[] {
    return this.requests.filter((each) => each.path === path)
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const path = url.pathname.slice(new URL(this.issuer).pathname.replace(/\/$/, '').length)
    // In workerd `text()` warns about forms.
    const text = new TextDecoder().decode(await request.clone().arrayBuffer())
    const { method, headers } = request
    const form = new URLSearchParams(text)
    const seen: ImitatedRequest = { method, path, query: url.searchParams, headers, form }
    this.requests.push(seen)
    const changed = await this.#answers.get(path)?.(request, seen)
    if (changed !== undefined) return changed
    switch (`${method} ${path}`) {
      case 'GET /.well-known/openid-configuration':
        return Response.json(this.metadata)
      case 'GET /jwks':
        return Response.json({ keys: [await this.publicKey()] })
      case 'GET /authorize':
        return this.#authorize(url.searchParams)
      case 'POST /token':
        return this.#token(seen)
      case 'GET /userinfo':
        return this.#userinfo(headers)
      case 'POST /revoke':
        this.revoked.push(seen.form.get('token') ?? '')
        return new Response(null, { status: 200 })
      default:
        return new Response('<h1>Not found</h1>', { status: 404 })
    }
  }

  async publicKey(): Promise<Claims> {
    const { publicKey } = await this.keys()
    return { ...(await exportJWK(publicKey)), kid: this.kid, alg: this.alg, use: 'sig' }
  }

  /** The pair of the current `kid` and `alg`. */
  keys(): ReturnType<typeof generateKeyPair> {
    const name = `${this.kid} ${this.alg}`
    const pair = this.#keys.get(name) ?? generateKeyPair(this.alg, { extractable: true })
    this.#keys.set(name, pair)
    return pair
  }

  async signed(payload: Claims, header: Claims = {}): Promise<string> {
    const { privateKey } = await this.keys()
    return new SignJWT(payload)
      .setProtectedHeader({ alg: this.alg, kid: this.kid, typ: 'JWT', ...header })
      .sign(privateKey)
  }

  #authorize(query: URLSearchParams): Response {
    const back = new URL(query.get('redirect_uri')!)
    if (query.has('state')) back.searchParams.set('state', query.get('state')!)
    if (this.metadata['authorization_response_iss_parameter_supported'] === true)
      back.searchParams.set('iss', this.issuer)
    if (this.#user === undefined) {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_description', '<b>The user</b> said no')
    } else {
      const code = crypto.randomUUID()
      this.#codes.set(code, { query, user: this.#user, authTime: this.clock() - 10 })
      back.searchParams.set('code', code)
    }
    return new Response(null, { status: 302, headers: { location: back.href } })
  }

  async #token({ form, headers }: ImitatedRequest): Promise<Response> {
    const refuse = (error: string, status = 400): Response =>
      Response.json({ error, error_description: `upstream text about ${error}` }, { status })
    if (!this.isOurClient(form, headers)) return refuse('invalid_client', 401)
    if (form.get('grant_type') === 'refresh_token') {
      const old = form.get('refresh_token') ?? ''
      const sent = this.#grants.get(old)
      if (sent === undefined || this.revoked.includes(old)) return refuse('invalid_grant')
      this.#grants.delete(old)
      return Response.json(this.tokenAnswer(this.#issue(sent)))
    }
    const sent = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    if (sent === undefined || form.get('redirect_uri') !== sent.query.get('redirect_uri'))
      return refuse('invalid_grant')
    if ((await s256(form.get('code_verifier') ?? '')) !== sent.query.get('code_challenge'))
      return refuse('invalid_grant')
    const answer = this.#issue(sent)
    if (sent.query.get('scope')?.split(' ').includes('openid')) answer['id_token'] = await this.#idToken(sent)
    return Response.json(this.tokenAnswer(answer))
  }

  /** By its secret, in either place, or by its id if it has none. */
  isOurClient(form: URLSearchParams, headers: Headers): boolean {
    const [, credentials = ''] = /^Basic (.*)$/.exec(headers.get('authorization') ?? '') ?? []
    const [id, secret] = credentials
      ? atob(credentials)
          .split(':')
          .map((each) => decodeURIComponent(each.replaceAll('+', ' ')))
      : [form.get('client_id') ?? undefined, form.get('client_secret') ?? undefined]
    return id === this.clientId && secret === this.clientSecret
  }

  #issue(sent: Sent): Claims {
    const n = this.issued.length
    const { tokenPrefix: prefix } = this
    const tokens = { accessToken: `${prefix}-access-${n}`, refreshToken: `${prefix}-refresh-${n}` }
    this.issued.push(tokens)
    this.#grants.set(tokens.accessToken, sent)
    this.#grants.set(tokens.refreshToken, sent)
    return {
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      token_type: 'Bearer',
      expires_in: this.lifetime,
      scope: sent.query.get('scope') ?? '',
    }
  }

  async #idToken({ query, user, authTime }: Sent): Promise<string> {
    const now = this.clock()
    const payload = this.claims({
      iss: this.issuer,
      aud: this.clientId,
      exp: now + 300,
      iat: now,
      auth_time: authTime,
      nonce: query.get('nonce') ?? undefined,
      ...user,
    })
    const compact = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined))
    return this.sign === undefined ? this.signed(compact) : this.sign(compact)
  }

  #userinfo(headers: Headers): Response {
    const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? ''
    const sent = this.#grants.get(token)
    return sent === undefined
      ? new Response('', { status: 401 })
      : Response.json({ ...sent.user, from: 'userinfo' })
  }
}
