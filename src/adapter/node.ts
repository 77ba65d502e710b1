import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Awaitable, ErrorContext } from '../types.ts'
import { ConfigurationError } from '../errors.ts'
import { lastAddress } from '../http/caller.ts'
import { either, flag, func, object, readOptions, text, url } from '../lib/options.ts'
import { toWebRequest } from './node-request.ts'
import { sendWebResponse } from './node-response.ts'
import { isEncrypted } from './node-target.ts'

export { joinAuthorizationHeaders } from './node-authorization.ts'
export { clientAddress } from './node-request.ts'
export { nodeFetch } from './node-fetch.ts'
export { loopbackRedirect, type LoopbackOptions } from './node-loopback.ts'
export { openUrl } from './node-open.ts'
export { fileStorage } from './node-storage.ts'

/** Options of {@link toNodeHandler}. */
export interface NodeHandlerOptions {
  /**
   * The URL under which clients reach this server, for example `https://notes.example.com`. Default: what the
   * connection and its `Host` say.
   */
  publicUrl?: string
  /**
   * Whether a proxy terminates TLS in front of this server, and no client can go around it. `true`: the proxy
   * appends to `X-Forwarded-For`. `{ addressHeader }`: the proxy sets this header to the client's address.
   * Default false: plain http to an https `publicUrl` is refused.
   */
  behindProxy?: boolean | { addressHeader: string }
  /**
   * Receives what the handler throws; the client gets 500 without the reason. It may be the `onError` of the
   * other servers. Default: `console.error`.
   */
  onError?: (error: unknown, context: ErrorContext) => void
}

/**
 * A Web handler as a listener of `node:http`, `node:https` and `node:http2`'s compatibility API, also on Deno
 * and Bun. Request and answer are streamed. A client that goes away aborts `request.signal`. Behind a guard,
 * neither the request nor Node's message has an `Authorization` header. The request is a light one: for code
 * that calls `new Request(request)` or `fetch(request)`, pass `new Request(request.url, request)`. The
 * promise of the listener is fulfilled when the answer is written.
 *
 * @example
 * import { createServer } from 'node:http'
 * createServer(toNodeHandler(rs.protect(handler))).listen(3000, '127.0.0.1')
 */
export function toNodeHandler(
  handler: (request: Request) => Awaitable<Response>,
  options: NodeHandlerOptions = {},
): (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void> {
  if (typeof handler !== 'function')
    throw new ConfigurationError('handler', 'must be a function from Request to Response')
  const { behindProxy, onError, base } = resolve(options)

  return async (incoming, outgoing) => {
    let request: Request | undefined
    try {
      const encrypted = isEncrypted(incoming)
      // Before a secret is read.
      if (base?.startsWith('https:') && !encrypted && behindProxy === undefined)
        return refuse(outgoing, 400, plainHttp)
      request = toWebRequest(incoming, outgoing, {
        origin: base,
        encrypted: encrypted || (behindProxy !== undefined && forwardedAsHttps(incoming)),
        address: () => addressOf(incoming, behindProxy),
      })
      if (request === undefined)
        return refuse(outgoing, 400, 'The request target, the method or the Host header is not valid')
      await sendWebResponse(outgoing, await handler(request))
    } catch (error) {
      if (outgoing.destroyed && outgoing.errored !== error) return
      onError(error, { where: 'handler', ...(request && { request }) })
      if (outgoing.headersSent) outgoing.destroy()
      else refuse(outgoing, 500)
    }
  }
}

const plainHttp =
  'This server is reached over https, and the request came over plain http. If a proxy terminates TLS, pass behindProxy: true, or ' +
  'behindProxy: { addressHeader } if the client address is not the last one in X-Forwarded-For'

function resolve(options: NodeHandlerOptions): {
  behindProxy: string | undefined
  onError: (error: unknown, context: ErrorContext) => void
  base: string | undefined
} {
  const { publicUrl, behindProxy, onError } = readOptions('toNodeHandler', options, {
    publicUrl: url('an absolute URL, for example https://notes.example.com', ({ protocol }) =>
      /^https?:$/.test(protocol),
    ),
    behindProxy: either(flag(), object({ addressHeader: text().required })).default(false),
    onError: func().default((error: unknown) => console.error(error)),
  })
  const header =
    typeof behindProxy === 'object' ? behindProxy.addressHeader : behindProxy && 'x-forwarded-for'
  return {
    behindProxy: header === false ? undefined : header.toLowerCase(),
    onError,
    base: publicUrl === undefined ? undefined : new URL(publicUrl).origin,
  }
}

const forwardedAsHttps = ({ headers }: IncomingMessage): boolean =>
  joined(headers['x-forwarded-proto'])?.split(',').at(-1)?.trim() === 'https'

const addressOf = ({ socket, headers }: IncomingMessage, header: string | undefined): string | undefined =>
  lastAddress(header === undefined ? socket.remoteAddress : joined(headers[header]))

const joined = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value

function refuse(outgoing: ServerResponse, status: number, description?: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  outgoing.end(
    description === undefined
      ? '{"error":"server_error"}'
      : JSON.stringify({ error: 'invalid_request', error_description: description }),
  )
}
