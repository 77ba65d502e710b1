// An authorization server with its guard, an injected clock, and a store whose calls are recorded.
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { createContext } from '../../src/authorization-server/create-context.ts'
import type { NewGrant } from '../../src/authorization-server/grants.ts'
import { formatCode } from '../../src/authorization-server/token/format.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import type { EmbeddedAuthorizationServer } from '../../src/authorization-server/index.ts'
import type { Context, Endpoint } from '../../src/authorization-server/context.ts'
import { createResourceServer } from '../../src/index.ts'
import { randomToken } from '../../src/lib/random.ts'
import { s256 } from '../../src/protocol/pkce.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { AuthInfo, SignIn, Store, TollgateEvent } from '../../src/types.ts'

export const RES_A = 'https://mcp.test/mcp'
export const RES_B = 'https://mcp.test/b/mcp'
export const secret = 'a deployment secret for tests, of forty bytes'
export const confidentialSecret = 'secret: + %/ü of the confidential one'

export const resources = {
  [RES_A]: { scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' } },
  [RES_B]: { scopes: { 'notes:read': 'Read the other notes', 'b:admin': 'Administer B' } },
}

export const clients = [
  {
    client_id: 'pub',
    client_name: 'Pub',
    redirect_uris: ['http://127.0.0.1:3000/cb', 'https://app.test/cb'],
  },
  { client_id: 'pub2', client_name: 'Pub two', redirect_uris: ['https://two.test/cb'] },
  {
    client_id: 'conf: +%ü',
    client_secret: confidentialSecret,
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: ['https://conf.test/cb'],
  },
  {
    client_id: 'post',
    client_secret: confidentialSecret,
    token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: ['https://post.test/cb'],
  },
  { client_id: 'either', client_secret: confidentialSecret, redirect_uris: ['https://either.test/cb'] },
  { client_id: 'norefresh', redirect_uris: ['https://no.test/cb'], grant_types: ['authorization_code'] },
] as const

/** The user is not signed in. */
export const signedOut: SignIn = {
  consent: 'after',
  identify: () => undefined,
  start: () => new Response('sign in', { status: 200 }),
}

export interface Call {
  method: 'get' | 'put' | 'delete'
  key: string
  value?: string
  expiresAt?: number
  ifVersion?: string | null
}

export interface RecordingStore extends Store {
  readonly calls: Call[]
  /** Every value that was ever written, by key. */
  readonly written: { key: string; value: string; expiresAt: number | undefined; at: number }[]
  /** Runs before a call; may throw, or wait for ever. */
  before: (call: Call) => unknown
  /** Runs after a call that the store has carried out: an exception here is a lost answer. */
  after: (call: Call) => unknown
}

export function recording(inner: Store, clock: () => number): RecordingStore {
  const store: RecordingStore = {
    calls: [],
    written: [],
    before: () => undefined,
    after: () => undefined,
    async get(key) {
      const call: Call = { method: 'get', key }
      store.calls.push(call)
      await store.before(call)
      const found = await inner.get(key)
      await store.after(call)
      return found
    },
    async put(key, value, options) {
      const call: Call = { method: 'put', key, value, ...options }
      store.calls.push(call)
      await store.before(call)
      const version = await inner.put(key, value, options)
      if (version !== undefined) store.written.push({ key, value, expiresAt: options.expiresAt, at: clock() })
      await store.after(call)
      return version
    },
    async delete(key, options) {
      const call: Call = { method: 'delete', key }
      store.calls.push(call)
      await store.before(call)
      const done = await inner.delete(key, options)
      await store.after(call)
      return done
    },
  }
  return store
}

/** A grant in short: these scopes at each of these resources. */
type Grantable = Partial<NewGrant> & { resources?: readonly string[]; scopes?: readonly string[] }

export interface Approved {
  grantId: string
  code: string
  verifier: string
}

export interface Tokens {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
  scope: string
}

export class Rig {
  now = 1_800_000_000
  readonly events: TollgateEvent[] = []
  readonly store: RecordingStore
  readonly issuer: string
  readonly options: AuthorizationServerOptions
  readonly as: EmbeddedAuthorizationServer
  /** Another instance's insides, on the same store: how a test writes a grant without the pages. */
  readonly context: Context
  readonly seen: AuthInfo[] = []
  readonly guard: (request: Request) => Promise<Response>
  readonly guardB: (request: Request) => Promise<Response>

  constructor(options: Partial<AuthorizationServerOptions> = {}) {
    const clock = (): number => this.now
    this.issuer = options.issuer ?? 'https://as.test'
    this.store = recording(options.store ?? memoryStore(), clock)
    this.options = {
      issuer: this.issuer,
      secret,
      signIn: signedOut,
      resources,
      defaultResource: RES_A,
      clients,
      clock,
      onEvent: (event) => this.events.push(event),
      fetch: () => Promise.reject(new Error('no outgoing request is expected')),
      ...options,
      store: this.store,
    }
    this.as = createAuthorizationServer(this.options)
    this.context = createContext(this.options).context
    const protect = (resource: string): ((request: Request) => Promise<Response>) =>
      createResourceServer({ resource, authorizationServers: [this.as], clock }).protect((_, auth) => {
        this.seen.push(auth)
        return Response.json({ subject: auth.subject, scopes: auth.scopes, props: auth.props ?? null })
      })
    this.guard = protect(RES_A)
    this.guardB = RES_B in this.options.resources ? protect(RES_B) : this.guard
  }

  /** A second instance on the same store. */
  twin(options: Partial<AuthorizationServerOptions> = {}): EmbeddedAuthorizationServer {
    return createAuthorizationServer({ ...this.options, ...options })
  }

  path(name: Endpoint): string {
    return new URL(this.context.paths[name], this.issuer).href
  }

  /** What a user's approval leaves behind. */
  async approve(
    clientId: string,
    { resources: to = [RES_A], scopes = ['notes:read', 'notes:write'], ...options }: Grantable = {},
  ): Promise<Approved> {
    const verifier = randomToken(40)
    const id = options.id ?? randomToken()
    const secret = await this.context.grants.create({
      id,
      clientId,
      clientName: 'Client',
      subject: 'alice',
      access: Object.fromEntries(to.map((each) => [each, scopes])),
      redirectUri: 'https://app.test/cb',
      codeChallenge: await s256(verifier),
      ...options,
    })
    return { grantId: id, code: secret === 'taken' ? secret : formatCode({ grantId: id, secret }), verifier }
  }

  post(
    form: Record<string, string> | URLSearchParams | string,
    init: { headers?: Record<string, string>; as?: EmbeddedAuthorizationServer; url?: string } = {},
  ): Promise<Response> {
    const request = new Request(init.url ?? this.path('token'), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...init.headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    })
    return answered((init.as ?? this.as).handle(request))
  }

  redeem(
    approved: Approved,
    more: Record<string, string> = {},
    as?: EmbeddedAuthorizationServer,
  ): Promise<Response> {
    const form = {
      grant_type: 'authorization_code',
      client_id: 'pub',
      code: approved.code,
      code_verifier: approved.verifier,
      ...more,
    }
    return this.post(form, as === undefined ? {} : { as })
  }

  refresh(
    token: string,
    more: Record<string, string> = {},
    as?: EmbeddedAuthorizationServer,
  ): Promise<Response> {
    const form = { grant_type: 'refresh_token', client_id: 'pub', refresh_token: token, ...more }
    return this.post(form, as === undefined ? {} : { as })
  }

  /** Approved and redeemed. */
  async tokens(clientId = 'pub', options: Grantable = {}): Promise<Tokens & Approved> {
    const approved = await this.approve(clientId, options)
    const tokens = await ok(await this.redeem(approved, { client_id: clientId }))
    return { ...tokens, ...approved }
  }

  /** The status with which the guard answers this token. */
  async call(
    token: string,
    guard: (request: Request) => Promise<Response> = this.guard,
    url = RES_A,
  ): Promise<number> {
    const request = new Request(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const response = await guard(request)
    await response.text()
    return response.status
  }

  register(metadata: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const request = new Request(this.path('register'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    })
    return answered(this.as.handle(request))
  }

  get(url: string, init: RequestInit = {}): Promise<Response | undefined> {
    return this.as.handle(new Request(url, init))
  }
}

export async function answered(response: Promise<Response | undefined>): Promise<Response> {
  const found = await response
  if (found === undefined) throw new Error('The authorization server did not answer')
  return found
}

export async function ok(response: Response): Promise<Tokens> {
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${body}`)
  return JSON.parse(body) as Tokens
}

/** Status and error code in one: `400 invalid_grant`. */
export async function refusal(response: Response): Promise<string> {
  const body = (await response.json()) as { error?: string }
  return `${response.status} ${body.error}`
}

export const basic = (id: string, password: string): Record<string, string> => ({
  authorization: `Basic ${btoa(`${encodeForm(id)}:${encodeForm(password)}`)}`,
})

export const encodeForm = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2)

export function payload(token: string): Record<string, unknown> {
  const text = atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))
  return JSON.parse(text) as Record<string, unknown>
}

export function header(token: string): Record<string, unknown> {
  return JSON.parse(atob(token.split('.')[0]!.replaceAll('-', '+').replaceAll('_', '/'))) as Record<
    string,
    unknown
  >
}
