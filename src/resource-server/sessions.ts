import { noStore } from '../http/cache-control.ts'
import { constantTimeEqual } from '../lib/equal.ts'
import { forPlatform } from '../lib/own-request.ts'
import { readOptions, secrets } from '../lib/options.ts'
import { randomToken } from '../lib/random.ts'
import { MacSealer } from '../lib/mac-sealer.ts'
import type { AuthInfo, Awaitable } from '../types.ts'
import { identityOf, type Principal } from './principal.ts'

export type { Principal } from './principal.ts'

/** Options of {@link createSessions}. */
export interface SessionOptions {
  /**
   * At least 32 bytes, the same on every instance. Of a list, the first one makes ids, and all check them.
   * May be the deployment's secret.
   */
  secret: string | readonly string[]
}

/** Session ids that are bound to the principal that opened them. */
export interface Sessions {
  /** Makes a session id for this principal, for a transport's `sessionIdGenerator`. */
  create(auth: Principal): Promise<string>
  /** Whether this server made the id for this principal. */
  owns(id: string, auth: Principal): Promise<boolean>
  /**
   * Binds the session ids that the handler itself makes. A MAC is added to an id in a response, and checked
   * and removed in a request. The session of another principal is 404, as one that does not exist.
   */
  bind<R extends unknown[], P = unknown>(
    handler: (request: Request, auth: AuthInfo<P>, ...rest: R) => Awaitable<Response>,
  ): (request: Request, auth: AuthInfo<P>, ...rest: R) => Promise<Response>
}

/**
 * Whether two requests come from the same principal at the same resource; for transports that keep their own
 * list of sessions (HTTP+SSE of 2024-11-05).
 */
export const samePrincipal = (a: Principal, b: Principal): boolean => identityOf(a) === identityOf(b)

/**
 * Binds MCP session ids to (issuer, subject, client, resource), so that a stolen or guessed id is useless
 * with another token (session hijacking), while a refreshed token continues the session. If the issuer does
 * not say who the user is, the session belongs to the token and ends with it. Nothing is stored: the id
 * carries a MAC.
 *
 * @see [MCP Security Best Practices, Session
 * Hijacking](https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices#session-hijacking)
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
        const inbound = await unsealRequest(request, (id) => open(id, auth))
        if (inbound === undefined) return notFound()
        const response = await handler(inbound, auth, ...rest)
        const made = response.headers.get(header)
        return made === null ? response : withHeader(response, await seal(made, auth))
      },
  }
}

const header = 'mcp-session-id'

/** The request with the handler's own id; undefined if the session belongs to another principal. */
async function unsealRequest(
  request: Request,
  open: (id: string) => Promise<string | undefined>,
): Promise<Request | undefined> {
  const id = request.headers.get(header)
  // A stream can only be resumed with its session id: without one, a client could ask for the events of
  // another user (session hijacking).
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
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404, headers: noStore })
}

function withHeader(response: Response, id: string): Response {
  const headers = new Headers(response.headers)
  headers.set(header, id)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

const binding = (id: string, auth: Principal): string => JSON.stringify([id, identityOf(auth)])
