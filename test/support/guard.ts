// The fixtures of the guard's requirements: an authorization server as it is seen from outside, and a guard in front of a handler that counts.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import type { JWK } from 'jose'
import { createResourceServer } from '../../src/index.ts'
import type {
  AuthInfo,
  ProtectNeed,
  ResourceServer,
  ResourceServerOptions,
  TollgateEvent,
} from '../../src/index.ts'

export const issuer = 'https://as.test'
export const resourceA = 'https://mcp.test/mcp'
export const resourceB = 'https://mcp.test/b/mcp'
export const metadataA = 'https://mcp.test/.well-known/oauth-protected-resource/mcp'
export const start = 1_790_000_000

export interface Key {
  kid: string
  alg: string
  privateKey: CryptoKey
  jwk: JWK
}

const made = new Map<string, Promise<Key>>()

/** A key pair, the same for the same name. */
export function key(kid: string, alg = 'ES256'): Promise<Key> {
  const name = `${kid} ${alg}`
  const known = made.get(name)
  if (known !== undefined) return known
  const making = makeKey(kid, alg)
  made.set(name, making)
  return making
}

async function makeKey(kid: string, alg: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export const good = {
  iss: issuer,
  aud: resourceA as unknown,
  sub: 'alice',
  client_id: 'client-1',
  scope: 'notes:read',
  exp: (start + 900) as unknown,
  iat: start as unknown,
  jti: 'jti-1',
}

/** A token: the good one, but for what is said. `undefined` takes a claim or a header away. */
export async function token(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  signer?: Key,
): Promise<string> {
  const { privateKey, kid, alg } = signer ?? (await key('k1'))
  const defined = Object.entries({ ...good, ...claims }).filter(([, value]) => value !== undefined)
  const protectedHeader = Object.entries({ alg, kid, typ: 'at+jwt', ...header }).filter(
    ([, value]) => value !== undefined,
  )
  return new SignJWT(Object.fromEntries(defined))
    .setProtectedHeader(Object.fromEntries(protectedHeader) as never)
    .sign(privateKey)
}

const encode = (value: string | Uint8Array): string => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** A token as no library would make it: header and claims as they are (text: as JSON), signed with ES256, or whatever `sign` does. */
export async function rawToken(
  header: Record<string, unknown> | string,
  claims: Record<string, unknown> | string = good,
  sign?: (input: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer | Uint8Array>,
): Promise<string> {
  const text = (value: Record<string, unknown> | string): string =>
    encode(typeof value === 'string' ? value : JSON.stringify(value))
  const input = `${text(header)}.${text(claims)}`
  const { privateKey } = await key('k1')
  const signer =
    sign ??
    ((data: Uint8Array<ArrayBuffer>) =>
      crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, data))
  return `${input}.${encode(new Uint8Array(await signer(new TextEncoder().encode(input))))}`
}

/** Signs with HMAC, under any bytes. */
export function hmac(
  secret: Uint8Array<ArrayBuffer>,
  hash: string,
): (input: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer> {
  return async (input) => {
    const imported = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash }, false, ['sign'])
    return crypto.subtle.sign('HMAC', imported, input)
  }
}

/** What the outside answers, by URL, and what was asked of it. */
export class Outside {
  readonly requests: string[] = []
  readonly routes = new Map<string, () => Response | Promise<Response>>()
  readonly fetch: typeof globalThis.fetch = async (input) => {
    const url = String(input instanceof Request ? input.url : input)
    this.requests.push(url)
    const route = this.routes.get(url)
    return route === undefined ? new Response('not found', { status: 404 }) : route()
  }

  count(url: string): number {
    return this.requests.filter((each) => each === url).length
  }
}

export const jwksUri = `${issuer}/jwks`

export interface Setup {
  options?: Partial<ResourceServerOptions>
  /** What is published at the start. Default: k1. */
  keys?: readonly JWK[]
  need?: ProtectNeed
  /** Listens to events. */
  events?: boolean
  answer?: (request: Request, auth: AuthInfo) => Response | Promise<Response>
}

export interface World {
  rs: ResourceServer
  outside: Outside
  events: TollgateEvent[]
  /** Seconds that have gone by since the start. */
  elapsed: number
  /** How often the handler was called. */
  calls: number
  /** Whom it saw last. */
  auth: AuthInfo | undefined
  publish(keys: readonly JWK[], headers?: Record<string, string>): void
  call(request: Request): Promise<Response>
}

/** A guard for RES_A in front of a handler that counts, and ISS outside. */
export async function world(setup: Setup = {}): Promise<World> {
  const outside = new Outside()
  const events: TollgateEvent[] = []
  const world: World = {
    outside,
    events,
    elapsed: 0,
    calls: 0,
    auth: undefined,
    publish(keys, headers = {}) {
      outside.routes.set(jwksUri, () => Response.json({ keys }, { headers }))
    },
    rs: undefined as never,
    call: undefined as never,
  }
  outside.routes.set(`${issuer}/.well-known/oauth-authorization-server`, () =>
    Response.json({ issuer, jwks_uri: jwksUri }),
  )
  world.publish(setup.keys ?? [(await key('k1')).jwk])
  world.rs = createResourceServer({
    resource: resourceA,
    authorizationServers: [issuer],
    fetch: outside.fetch,
    clock: () => start + world.elapsed,
    ...(setup.events === true ? { onEvent: (event: TollgateEvent) => events.push(event) } : {}),
    ...setup.options,
  })
  world.call = world.rs.protect(async (request, auth) => {
    world.calls++
    world.auth = auth
    return setup.answer ? setup.answer(request, auth) : new Response('done')
  }, setup.need)
  return world
}

/** A POST to the MCP endpoint. */
export function post(token?: string, headers: Record<string, string> = {}, url: string = resourceA): Request {
  return new Request(url, {
    method: 'POST',
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
  })
}

const challengeOf = (response: Response): string => response.headers.get('www-authenticate') ?? ''

/** The answers that the requirements name, as what can be compared. */
export interface Answer {
  status: number
  challenge: string
  error: string | undefined
  scope: string | undefined
}

export function answer(response: Response): Answer {
  const challenge = challengeOf(response)
  return {
    status: response.status,
    challenge,
    error: /error="([^"]*)"/.exec(challenge)?.[1],
    scope: /scope="([^"]*)"/.exec(challenge)?.[1],
  }
}

/** `401-none`, `401-tok`, `403-scope` and the rest in one word; anything that differs from the definition comes out as it is. */
export async function verdict(response: Response): Promise<string> {
  const { status, challenge, error } = answer(response)
  const text = await response.clone().text()
  const announced = challenge.includes(`resource_metadata="${metadataA}"`)
  if (status === 401 && announced && error === undefined) return '401-none'
  if (status === 401 && announced && error === 'invalid_token') return '401-tok'
  if (status === 403 && announced && error === 'insufficient_scope') return '403-scope'
  if (status === 400 && error === 'invalid_request') return '400-req'
  if (status === 503 && response.headers.has('retry-after') && !text.includes('invalid_token'))
    return '503-closed'
  return `${status} ${challenge} ${text}`
}
