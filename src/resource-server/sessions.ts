import { constantTimeEqual } from '../lib/equal.ts'
import { forPlatform } from '../lib/own-request.ts'
import { readOptions, secrets } from '../lib/options.ts'
import { randomToken } from '../lib/random.ts'
import { MacSealer } from '../lib/mac-sealer.ts'
import type { AuthInfo, Awaitable } from '../types.ts'

/** Options of {@link createSessions}. */
export interface SessionOptions {
  /** ≥ 32 bytes, the same on every instance; a list: the first makes, all open. The deployment's secret will do. */
  secret: string | readonly string[]
}

/** Session ids that belong to whoever opened them. */
export interface Sessions {
  /** A new session id of this principal, for a transport's `sessionIdGenerator`. */
  create(auth: Principal): Promise<string>
  /** Whether the id was made here, for this principal. */
  owns(id: string, auth: Principal): Promise<boolean>
  /**
   * Binds the session ids that the handler itself makes: on the way out an id gets a seal, on the way in the seal is checked and taken off.
   * Another principal's session is answered 404, as one that never was.
   */
  bind<R extends unknown[]>(
    handler: (request: Request, auth: AuthInfo, ...rest: R) => Awaitable<Response>,
  ): (request: Request, auth: AuthInfo, ...rest: R) => Promise<Response>
}

/** Whose session it is, as the guard's `auth` says. */
export type Principal = Pick<AuthInfo, 'issuer' | 'subject' | 'clientId' | 'resource' | 'token'>

/**
 * Whether two requests come from the same principal at the same resource; for transports that keep their own list of sessions (HTTP+SSE of
 * 2024-11-05).
 */
export const samePrincipal = (a: Principal, b: Principal): boolean => identityOf(a) === identityOf(b)

/**
 * Binds MCP session ids to (issuer, subject, client, resource), so that a stolen or guessed id is worth nothing with another token (session
 * hijacking), while a refreshed token continues the session. If the issuer does not say who the user is, the session belongs to the token
 * and ends with it. Nothing is stored: the id carries a MAC.
 *
 * @see [MCP Security Best Practices, Session Hijacking](https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices#session-hijacking)
 */
export function createSessions(options: SessionOptions): Sessions {
  const { secret } = readOptions('createSessions', options, { secret: secrets().required })
  const sealer = new MacSealer(secret)

  const seal = async (inner: string, auth: Principal): Promise<string> =>
    `${inner}.${await sealer.mac('session', binding(inner, auth))}`

  const open = async (id: string, auth: Principal): Promise<string | undefined> => {
    const dot = id.lastIndexOf('.')
    if (dot < 1 || id.length > 1024) return undefined
    const inner = id.slice(0, dot)
    const macs = await sealer.macs('session', binding(inner, auth))
    return macs.some((mac) => constantTimeEqual(mac, id.slice(dot + 1))) ? inner : undefined
  }

  return {
    create: (auth) => seal(randomToken(), auth),
    owns: async (id, auth) => (await open(id, auth)) !== undefined,
    bind:
      (handler) =>
      async (request, auth, ...rest) => {
        const inbound = await inner(request, (id) => open(id, auth))
        if (inbound === undefined) return notFound()
        const response = await handler(inbound, auth, ...rest)
        const made = response.headers.get(header)
        return made === null ? response : withHeader(response, await seal(made, auth))
      },
  }
}

const header = 'mcp-session-id'

/** The request with the handler's own id; undefined where the session is not this principal's. */
async function inner(
  request: Request,
  open: (id: string) => Promise<string | undefined>,
): Promise<Request | undefined> {
  const id = request.headers.get(header)
  // Resuming a stream is bound through its session; without one anybody's events could be asked for.
  if (id === null) return request.headers.has('last-event-id') ? undefined : request
  const opened = await open(id)
  if (opened === undefined) return undefined
  const headers = new Headers(request.headers)
  headers.set(header, opened)
  return new Request(forPlatform(request), { headers })
}

/** The status by which MCP says that a session is over, and the body of the official SDK. */
function notFound(): Response {
  const error = { code: -32001, message: 'Session not found' }
  return Response.json(
    { jsonrpc: '2.0', error, id: null },
    { status: 404, headers: { 'cache-control': 'no-store' } },
  )
}

function withHeader(response: Response, id: string): Response {
  const headers = new Headers(response.headers)
  headers.set(header, id)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

const binding = (id: string, auth: Principal): string => JSON.stringify([id, identityOf(auth)])

/**
 * The same for a refreshed token, different for any two principals; JSON, so that no two of them spell the same text. Without a subject all
 * users of a client would be one, so the token stands for its user.
 */
function identityOf({ issuer, subject, clientId, resource, token }: Principal): string {
  const who = !subject ? ['token', token ?? randomToken()] : ['user', subject, clientId]
  return JSON.stringify([issuer, resource.href, ...who])
}
