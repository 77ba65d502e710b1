import type { IncomingMessage, ServerResponse } from 'node:http'
import { markOwn } from '../lib/own-request.ts'

/** A message as Express hands it over has `originalUrl`: `url` may be relative to where a router is mounted. */
export type Incoming = IncomingMessage & { originalUrl?: string }

/**
 * The Web request, or undefined where there is none: a target, `Host` or method that no URL or Request can have. Headers come from
 * `rawHeaders`, because Node keeps only the first of two `Authorization` headers (G5). The body is not touched before somebody reads it.
 */
export function toWebRequest(
  incoming: Incoming,
  outgoing: ServerResponse,
  origin: string | undefined = originOf(incoming),
): Request | undefined {
  const path = pathOf(incoming.originalUrl ?? incoming.url ?? '')
  if (origin === undefined || path === undefined) return undefined
  const { method = 'GET' } = incoming
  const init: RequestInit = { method, headers: headersOf(incoming), signal: abortedBy(outgoing) }
  if (method !== 'GET' && method !== 'HEAD' && hasBody(incoming))
    Object.assign(init, { body: lazily(incoming), duplex: 'half' })
  try {
    return markOwn(new Request(origin + path, init))
  } catch {
    return undefined
  }
}

/** What the connection itself says; undefined where `Host` is no host (RFC 9110 §7.2). */
export function originOf(
  incoming: IncomingMessage,
  encrypted: boolean = isEncrypted(incoming),
): string | undefined {
  const host = incoming.headers.host ?? String(incoming.headers[':authority'] ?? '') // HTTP/2
  return /^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i.test(host)
    ? `${encrypted ? 'https' : 'http'}://${host}`
    : undefined
}

export const isEncrypted = ({ socket }: IncomingMessage): boolean =>
  (socket as { encrypted?: boolean }).encrypted === true

/** Of an absolute target (RFC 9112 §3.2.2) only path and query count. */
function pathOf(target: string): string | undefined {
  if (target.startsWith('/')) return target
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return undefined
  const { pathname, search } = new URL(target)
  return pathname + search
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

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

function abortedBy(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort()
  })
  return gone.signal
}

/** One chunk for each pull, so the client sends no faster than the handler reads. */
function lazily(incoming: IncomingMessage): ReadableStream<Uint8Array> {
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

/** Cookies stay separate headers (RFC 6265 §3). */
export function copyHeaders(
  outgoing: ServerResponse,
  headers: Headers,
  except: readonly string[] = [],
): void {
  for (const [name, value] of headers)
    if (name !== 'set-cookie' && !hopByHop.includes(name) && !except.includes(name))
      outgoing.setHeader(name, value)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing.appendHeader('set-cookie', cookies)
}
