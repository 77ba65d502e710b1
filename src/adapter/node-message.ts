import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConfigurationError } from '../errors.ts'
import { mergeNames } from '../http/cors.ts'
import { markOwn } from '../lib/own-request.ts'

export { putBodyElsewhere } from '../lib/body-elsewhere.ts'

/** A message as Express hands it over has `originalUrl`: `url` may be relative to where a router is mounted. */
export type Incoming = IncomingMessage & { originalUrl?: string; rawBody?: unknown; body?: unknown }

/**
 * The Web request, or undefined if there is none: a target, `Host` or method that no URL or Request can have, or a path that the URL parser changes
 * (dot segments, backslashes): routers read the target as it came, handlers the URL. Headers come from `rawHeaders`, because Node keeps only the
 * first of two `Authorization` or `Host` headers (G5; RFC 9112 §3.2). The body is not touched before somebody reads it.
 */
export function toWebRequest(
  incoming: Incoming,
  outgoing: ServerResponse,
  origin: string | undefined = originOf(incoming),
  bodyOf: (incoming: Incoming) => BodyInit = unreadBody,
): Request | undefined {
  const target = targetOf(incoming)
  if (origin === undefined || target === undefined) return undefined
  const { method = 'GET' } = incoming
  const headers = headersOf(incoming)
  // Of an absolute target the Host header is ignored (RFC 9112 §3.2.2).
  if (target.host !== undefined) headers.set('host', target.host)
  if (headers.get('host')?.includes(',')) return undefined
  const init: RequestInit = { method, headers, signal: abortedBy(outgoing) }
  if (method !== 'GET' && method !== 'HEAD' && hasBody(incoming))
    Object.assign(init, { body: bodyOf(incoming), duplex: 'half' })
  let request: Request
  try {
    request = new Request(origin + target.path, init)
  } catch {
    return undefined
  }
  return isVerbatim(target.path, request.url) ? markOwn(request) : undefined
}

/** Whether the URL has the path as it came, byte by byte. */
function isVerbatim(target: string, url: string): boolean {
  if (target.includes('#')) return false
  const path = target.split('?', 1)[0]!
  const start = url.indexOf('/', 'https://'.length)
  const end = start + path.length
  return url.startsWith(path, start) && (end === url.length || url[end] === '?')
}

/** Whether the URL parser leaves the path of the request as it came; false also if there is no such URL. */
export function hasVerbatimPath(incoming: Incoming): boolean {
  const path = targetOf(incoming)?.path
  return path !== undefined && isVerbatim(path, new URL(`http://localhost${path}`).href)
}

/** What the connection and the target say; undefined if the host is not one (RFC 9110 §7.2). */
export function originOf(incoming: Incoming, encrypted: boolean = isEncrypted(incoming)): string | undefined {
  const host = targetOf(incoming)?.host ?? hostOf(incoming)
  return host !== undefined && isHost.test(host) ? `${encrypted ? 'https' : 'http'}://${host}` : undefined
}

const isHost = /^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i

/** HTTP/2 has `:authority`; a `Host` beside it says the same (RFC 9113 §8.3.1). */
function hostOf({ headers }: IncomingMessage): string | undefined {
  const { host, ':authority': authority } = headers
  if (authority === undefined) return host
  return host === undefined || host === authority ? String(authority) : undefined
}

export const isEncrypted = ({ socket }: IncomingMessage): boolean =>
  (socket as { encrypted?: boolean }).encrypted === true

/** The request target: origin-form, or absolute-form with its host (RFC 9112 §3.2). */
function targetOf({ originalUrl, url = '' }: Incoming): { path: string; host?: string } | undefined {
  const target = originalUrl ?? url
  if (target.startsWith('/')) return { path: target }
  const [, host, path] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? []
  if (host === undefined || path === undefined || !isHost.test(host)) return undefined
  return { host, path: path.startsWith('/') ? path : `/${path}` }
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.startsWith(':')) continue // HTTP/2
    headers.append(name, rawHeaders[i + 1]!)
  }
  return headers
}

/** HTTP/2 ends a body with END_STREAM, not by its length (RFC 9113 §8.1). */
export function hasBody(incoming: IncomingMessage): boolean {
  const { headers, httpVersionMajor } = incoming
  const { stream } = incoming as { stream?: { endAfterHeaders?: boolean } }
  if (httpVersionMajor >= 2) return stream?.endAfterHeaders !== true
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** The body as it came: from the connection, or from `rawBody` if the platform has read it. */
function unreadBody(incoming: Incoming): BodyInit {
  if (!incoming.readableDidRead) return lazily(incoming)
  const { body, headers } = incoming
  const bytes = rawBodyOf(incoming) ?? verbatim(body)
  if (bytes !== undefined) return bytes
  if (body !== undefined && /\bjson\b/i.test(headers['content-type'] ?? '')) return JSON.stringify(body)
  throw bodyIsGone()
}

/** What a platform keeps of a body that it has read, byte by byte. */
export const rawBodyOf = ({ rawBody }: Incoming): BodyInit | undefined => verbatim(rawBody)

export const verbatim = (body: unknown): BodyInit | undefined =>
  typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : undefined

export const bodyIsGone = (): ConfigurationError =>
  new ConfigurationError(
    'request',
    'its body was read before; put this handler before every body parser, or keep the bytes in req.rawBody',
  )

function abortedBy(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort()
  })
  return gone.signal
}

/** One chunk for each pull, so the client sends no faster than the handler reads. */
export function lazily(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        chunks ??= incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
        const { done, value } = await chunks.next()
        if (done) controller.close()
        // A plain view: Node's pool is not the reader's to detach.
        else controller.enqueue(new Uint8Array(value))
      },
      async cancel() {
        await chunks?.return?.()
        // The rest has to go somewhere, or the connection cannot be used again.
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Writes the answer, no faster than the client reads. A client that goes away cancels the answer's body. Rejects where the body breaks off: half an
 * answer must then not end like a whole one.
 */
export async function sendWebResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.statusCode = response.status
  copyHeaders(outgoing, response.headers)
  const { body } = response
  if (body === null || outgoing.req.method === 'HEAD') {
    outgoing.end()
    await body?.cancel().catch(() => undefined)
    return
  }
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  if (outgoing.destroyed) return reader.cancel().catch(() => undefined)
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) reader.cancel().catch(() => undefined)
  })
  // A stream whose first event is a while off announces itself; an answer that is already there goes out in one piece.
  const announce = setImmediate(() => outgoing.flushHeaders())
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearImmediate(announce)
      if (!outgoing.write(read.value)) await writable(outgoing)
    }
    if (!outgoing.destroyed) outgoing.end()
  } finally {
    clearImmediate(announce)
  }
}

function writable(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      outgoing.off('drain', over).off('close', over)
      resolve()
    }
    if (outgoing.destroyed) return resolve()
    outgoing.on('drain', over).on('close', over)
  })
}

/** Of this connection alone (RFC 9110 §7.6.1): Node says these itself, and a contradiction breaks the connection. */
const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']

/**
 * Cookies stay separate headers (RFC 6265 §3). What a middleware has put there before stays where it is a list; its CORS origin and credentials are
 * one decision, which ours replaces.
 */
export function copyHeaders(
  outgoing: ServerResponse,
  headers: Headers,
  except: readonly string[] = [],
): void {
  for (const [name, value] of headers) {
    if (name === 'set-cookie' || hopByHop.includes(name) || except.includes(name)) continue
    if (name === 'access-control-allow-origin') outgoing.removeHeader('access-control-allow-credentials')
    const before = lists.includes(name) ? outgoing.getHeader(name) : undefined
    outgoing.setHeader(name, before === undefined ? value : mergeNames(String(before), value))
  }
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing.appendHeader('set-cookie', cookies)
}

const lists = ['access-control-expose-headers', 'vary']
