import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { BlockedAddressError } from '../http/guarded-fetch.ts'
import { mayConnect } from '../http/addresses.ts'
import { defined } from '../lib/defined.ts'
import { forPlatform } from '../lib/own-request.ts'
import type { Fetch } from '../types.ts'

/**
 * A `fetch` against SSRF that connects only to public addresses. A name is resolved once, every address is
 * checked, and the connection goes to the address that was checked, so a name cannot change in between (DNS
 * rebinding). Loopback is allowed only if the URL itself names it. Redirects are never followed. For
 * `createClient({ fetch: nodeFetch })` and `clientDocuments: { fetch: nodeFetch }`.
 */
export const nodeFetch: Fetch = async (input, init) => {
  const given = forPlatform(input)
  const request = new Request(given, init)
  // The caller's own signal: the request's follows it only until a garbage collection.
  const signal = init?.signal ?? (given instanceof Request ? given.signal : undefined)
  const url = new URL(request.url)
  const addresses = await judgedAddresses(url.hostname)
  const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
  const incoming = await firstReachable(addresses, (address) =>
    exchange(url, address, { request, signal, body }),
  )
  try {
    return responseOf(incoming, request.method)
  } catch (error) {
    // A status or header that no Response can have: the body would not be read, and the socket would stay.
    incoming.destroy()
    throw error
  }
}

function responseOf(incoming: IncomingMessage, method: string): Response {
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    headers.append(incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!)
  const status = incoming.statusCode ?? 502
  const empty = method === 'HEAD' || [204, 205, 304].includes(status)
  if (empty) incoming.resume()
  const stream = empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>)
  return new Response(stream, { status, headers })
}

/**
 * `localhost` often has two addresses, and the server listens on one. The next one is tried only if there was
 * no connection.
 */
async function firstReachable<T>(addresses: string[], attempt: (address: string) => Promise<T>): Promise<T> {
  for (const address of addresses.slice(0, -1)) {
    try {
      return await attempt(address)
    } catch (error) {
      const { syscall } = error as { syscall?: string }
      if (syscall !== 'connect') throw error
    }
  }
  return attempt(addresses.at(-1)!)
}

/** The addresses of the name, where all of them are public: one bad answer is an attack, not an outage. */
async function judgedAddresses(hostname: string): Promise<string[]> {
  // Names below localhost are this machine (RFC 6761 §6.3), whatever a resolver says.
  const literal = hostname.replace(/^\[|\]$/g, '').replace(/^.+\.localhost$/, 'localhost')
  const addresses = isIP(literal)
    ? [literal]
    : (await lookup(literal, { all: true })).map(({ address }) => address)
  if (addresses.length === 0 || !addresses.every((address) => mayConnect(hostname, address)))
    throw new BlockedAddressError(
      'The host leads to an address that is not public, where nodeFetch does not connect',
    )
  return addresses
}

function exchange(
  url: URL,
  address: string,
  { request, signal, body }: { request: Request; signal: AbortSignal | undefined; body: Buffer | undefined },
): Promise<IncomingMessage> {
  const { method, headers } = request
  const secure = url.protocol === 'https:'
  const options = {
    method,
    host: address,
    port: url.port || (secure ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    // Nothing is unpacked here, so nothing is asked for packed.
    headers: { ...Object.fromEntries(headers), host: url.host, 'accept-encoding': 'identity' },
    // The certificate is the name's, although we connect to the address.
    ...(secure && !isIP(url.hostname.replace(/^\[|\]$/g, '')) ? { servername: url.hostname } : {}),
    ...defined({ signal }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)(options, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
