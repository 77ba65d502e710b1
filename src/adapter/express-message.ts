import type { IncomingMessage, ServerResponse } from 'node:http'

/** A message as Express hands it over: `url` may be relative to where a router is mounted, `originalUrl` never is. */
type Incoming = IncomingMessage & { originalUrl?: string }

/**
 * The Web request. Headers come from `rawHeaders`, because Node keeps only the first of two `Authorization` headers (G5). The body is
 * not touched before somebody reads it, so that a later body parser still finds it.
 */
export function toWebRequest(incoming: Incoming, outgoing: ServerResponse): Request {
  const headers = new Headers()
  const raw = incoming.rawHeaders
  for (let i = 0; i < raw.length; i += 2) if (!raw[i]!.startsWith(':')) headers.append(raw[i]!, raw[i + 1]!)
  const method = incoming.method ?? 'GET'
  const aborted = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) aborted.abort()
  })
  return new Request(urlOf(incoming), {
    method,
    headers,
    signal: aborted.signal,
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: lazily(incoming), duplex: 'half' }),
  } as RequestInit)
}

/** Only path and query count; the origin is what the connection says, and nothing is decided by it. */
function urlOf(incoming: Incoming): string {
  const { host = '' } = incoming.headers
  const scheme = 'encrypted' in incoming.socket ? 'https' : 'http'
  const origin = `${scheme}://${/^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(host) ? host : 'localhost'}`
  const target = incoming.originalUrl ?? incoming.url ?? '/'
  // RFC 9112 §3.2.2: a proxy's absolute form.
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '')
  const url = `${origin}${path.startsWith('/') ? '' : '/'}${path}`
  return URL.canParse(url) ? url : origin
}

function lazily(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        chunks ??= incoming[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(new Uint8Array(value))
      },
      cancel() {
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Writes the answer with backpressure; a client that goes away cancels its body. */
export async function sendWebResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.statusCode = response.status
  copyHeaders(outgoing, response.headers)
  if (response.body === null || outgoing.req.method === 'HEAD') {
    outgoing.end()
    return
  }
  outgoing.flushHeaders()
  const reader = response.body.getReader()
  const gone = new Promise<'gone'>((resolve) => outgoing.once('close', () => resolve('gone')))
  for (;;) {
    const next = await Promise.race([reader.read(), gone])
    if (next === 'gone') return reader.cancel().catch(() => undefined)
    if (next.done) break
    if (!outgoing.write(next.value))
      await Promise.race([new Promise((resolve) => outgoing.once('drain', resolve)), gone])
  }
  outgoing.end()
}

/** Cookies stay separate headers (RFC 6265 §3). */
export function copyHeaders(
  outgoing: ServerResponse,
  headers: Headers,
  except: readonly string[] = [],
): void {
  for (const [name, value] of headers)
    if (name !== 'set-cookie' && !except.includes(name)) outgoing.setHeader(name, value)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing.appendHeader('set-cookie', cookies)
}
