import type { IncomingMessage, ServerResponse } from 'node:http'
import { NodeRequest } from 'srvx/node'
import { ConfigurationError } from '../errors.ts'
import { bodyElsewhere, removeCredential, type OwnRequest } from '../lib/own-request.ts'
import { joinRepeated, stripAuthorization } from './node-authorization.ts'
import { originOf, targetOf, urlOf, type Incoming } from './node-target.ts'
import type { BodyInit, Bytes } from '../lib/web-types.ts'

export interface ConversionOptions {
  /** The origin of the URL. Default: what the connection and its `Host` say. */
  origin?: string | undefined
  /** Whether the client reached this server over TLS. Default: whether the connection is encrypted. */
  encrypted?: boolean
  /** The client's address, which is read if a server asks for it. */
  address: () => string | undefined
  /** The body of a message that was read before. Default: {@link keptBody}. */
  bodyOf?: (incoming: Incoming) => () => BodyInit
}

/**
 * The Web request, or undefined if it must be refused: a target, `Host` or method that no URL or Request can
 * have, two `Host` headers (RFC 9112 §3.2), or a path that the URL parser changes. The body is not touched
 * before it is read.
 */
export function toWebRequest(
  incoming: Incoming,
  outgoing: ServerResponse,
  { origin, encrypted, address, bodyOf = keptBody }: ConversionOptions,
): OwnRequest | undefined {
  joinRepeated(incoming)
  const { method = 'GET', headers } = incoming
  const target = targetOf(incoming)
  if (target === undefined || !isMethod.test(method) || headers.host?.includes(',')) return undefined
  const base = origin ?? originOf(incoming, target, encrypted)
  const url = base === undefined ? undefined : urlOf(base, target)
  if (url === undefined) return undefined
  const known =
    incoming.readableDidRead && hasBody(incoming) && hasBodyMethod(method) ? bodyOf(incoming) : undefined
  const request = new IncomingRequest(incoming, outgoing, url, address, known)
  // The Host header of an absolute target is ignored (RFC 9112 §3.2.2).
  if (target.host !== undefined) request.headers.set('host', target.host)
  return request
}

/** Fetch forbids CONNECT, TRACE and TRACK, and would write `get` as `GET`. */
const isMethod = /^(?!(?:CONNECT|TRACE|TRACK)$)[A-Z]+(?:-[A-Z]+)*$/

const hasBodyMethod = (method: string): boolean => method !== 'GET' && method !== 'HEAD'

/** HTTP/2 ends a body with END_STREAM, not by its length (RFC 9113 §8.1). */
export function hasBody(incoming: IncomingMessage): boolean {
  const { headers, httpVersionMajor } = incoming
  const { stream } = incoming as { stream?: { endAfterHeaders?: boolean } }
  if (httpVersionMajor >= 2) return stream?.endAfterHeaders !== true
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** srvx converts; what differs here is the URL, which was judged above, and the body. */
class IncomingRequest extends NodeRequest implements OwnRequest {
  readonly #incoming: Incoming
  readonly #url: string
  #parsed: URL | undefined
  readonly #address: () => string | undefined
  readonly #known: (() => BodyInit) | undefined
  #converting = false;
  [bodyElsewhere]: (() => unknown) | undefined = undefined

  constructor(
    incoming: Incoming,
    outgoing: ServerResponse,
    url: string,
    address: () => string | undefined,
    known: (() => BodyInit) | undefined,
  ) {
    super({ req: incoming, res: outgoing })
    this.#incoming = incoming
    this.#url = url
    this.#address = address
    this.#known = known
    // Node remembers it after this read: a client that closes early still counts for rate limits.
    void incoming.socket.remoteAddress
  }

  static addressOf(request: object): string | undefined {
    return #address in request ? request.#address() : undefined
  }

  override get url(): string {
    return this.#url
  }

  /** What h3 reads. srvx would make it of the `Host` header: another URL than the one that is judged. */
  override get _url(): URL {
    return (this.#parsed ??= new URL(this.#url))
  }

  /** The platform's own Request, which srvx makes if it is needed. It asks for `body`. */
  override get _request(): Request {
    this.#converting = true
    try {
      return super._request!
    } finally {
      this.#converting = false
    }
  }

  override get body(): ReadableStream<Bytes> | null {
    if (!this.#converting) return this._request.body
    if (!hasBodyMethod(this.method) || !hasBody(this.#incoming)) return null
    return (this.#known?.() ?? lazily(this.#incoming)) as never
  }

  // Without a native Request, srvx reads the message, which has nothing more to read if its body is known.
  override text(): Promise<string> {
    return this.#known === undefined ? super.text() : this._request.text()
  }

  override json(): Promise<unknown> {
    return this.#known === undefined ? super.json() : this._request.json()
  }

  [removeCredential](): void {
    stripAuthorization(this.#incoming)
    if (this.headers.has('authorization')) this.headers.delete('authorization')
  }
}

/**
 * The client's address, for the option `clientAddress` of a server. Undefined if the request does not come
 * from this package's adapter.
 */
export const clientAddress = (request: Request): string | undefined => IncomingRequest.addressOf(request)

/**
 * One chunk for each pull, so the client sends no faster than the handler reads. If the handler cancels, the
 * rest is read and dropped: the stream of `Readable.toWeb` stops there, and the connection waits for its next
 * request for ever.
 */
function lazily(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let chunks: AsyncIterator<Uint8Array> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        chunks ??= incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
        const { done, value } = await chunks.next()
        if (done) controller.close()
        // A plain view, because the reader may detach its buffer and Node's pool is shared.
        else controller.enqueue(new Uint8Array(value))
      },
      async cancel() {
        await chunks?.return?.()
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

/** The body of a message that a platform has read: its bytes, or the JSON that a parser made of it. */
function keptBody(incoming: Incoming): () => BodyInit {
  const { body, headers } = incoming
  const bytes = rawBodyOf(incoming) ?? verbatim(body)
  if (bytes !== undefined) return () => bytes
  if (body !== undefined && /\bjson\b/i.test(headers['content-type'] ?? '')) return () => JSON.stringify(body)
  throw bodyIsGone()
}

/** What a platform keeps of a body that it has read, byte by byte. */
export const rawBodyOf = ({ rawBody }: Incoming): BodyInit | undefined => verbatim(rawBody)

export const verbatim = (body: unknown): BodyInit | undefined =>
  typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : undefined

export const bodyIsGone = (): ConfigurationError =>
  new ConfigurationError(
    'request',
    'must have its body unread; put this handler before every body parser, or keep the bytes in req.rawBody',
  )
