import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Redirect } from '../client/types.ts'
import { func, integer, matching, oneOf, readOptions } from '../lib/options.ts'
import { within } from '../lib/within.ts'

/** Options of {@link loopbackRedirect}. */
export interface LoopbackOptions {
  /**
   * Shows the URL to the user, for example `openUrl`. If it resolves to a URL, that is the answer: the user
   * pasted it. Required.
   */
  open: Redirect['open']
  /**
   * 1–65535; an authorization rejects if it is in use. Default: the port of the last registration if it is
   * free, else any.
   */
  port?: number
  /** Default `/callback`. */
  path?: string
  /**
   * How the redirect URI names this machine, for servers that accept only one of the names. The listener is
   * bound to 127.0.0.1 in both cases. Default `127.0.0.1`.
   */
  host?: '127.0.0.1' | 'localhost'
}

/**
 * A redirect URI on this machine for native applications (RFC 8252 §7.3): a listener on 127.0.0.1 that
 * answers one path under one Host, GET only, and closes when the authorization is over. Also on Deno and Bun.
 *
 * @param options See {@link LoopbackOptions}. Throws ConfigurationError for an unknown or unusable option.
 */
export function loopbackRedirect(options: LoopbackOptions): Redirect {
  const {
    open,
    port,
    path: base,
    host,
  } = readOptions(
    'loopbackRedirect',
    options,
    {
      open: func().required,
      port: integer({ min: 1, max: 65_535 }),
      path: matching<string>('a path that begins with a slash, as it stands in a URL', isPath).default(
        '/callback',
      ),
      host: oneOf(['127.0.0.1', 'localhost']).default('127.0.0.1'),
    },
    { uri: 'use "host", "port" and "path"', hostname: 'host', browser: 'open' },
  )
  // A fixed port serves one authorization after the other.
  let last: Promise<unknown> = Promise.resolve()
  return {
    ...(port === undefined ? {} : { uri: `http://${host}:${port}${base}` }),
    open,
    async listen(handle, { preferred, segment }) {
      // One path for each issuer that sends no `iss` (mix-up).
      const path = segment === undefined ? base : `${base.replace(/\/$/, '')}/${segment}`
      const server = createServer()
      if (port === undefined)
        await listenOn(server, portOf(preferred, host, path)).catch(() => listenOn(server, 0))
      else {
        const before = last
        let end!: () => void
        last = new Promise<void>((resolve) => (end = resolve))
        server.once('close', end)
        await before
        await listenOn(server, port).catch((error: unknown) => {
          end()
          throw taken(port, error)
        })
      }
      const origin = `http://${host}:${(server.address() as AddressInfo).port}`
      const answers = new Set<Promise<void>>()
      server.on('request', (incoming, outgoing) => {
        const answered = answer(incoming, outgoing, origin, path, handle)
          // Whoever asked is gone; an authorization ends by its answer, not by the page.
          .catch(() => undefined)
          .finally(() => answers.delete(answered))
        answers.add(answered)
      })
      return { uri: `${origin}${path}`, close: () => stop(server, answers) }
    },
  }
}

const isPath = (value: unknown): boolean =>
  typeof value === 'string' &&
  URL.canParse(`http://127.0.0.1${value}`) &&
  new URL(`http://127.0.0.1${value}`).pathname === value

function portOf(preferred: string | undefined, host: string, path: string): number {
  if (preferred === undefined || !URL.canParse(preferred)) return 0
  const { hostname, pathname, port } = new URL(preferred)
  return hostname === host && pathname === path ? Number(port) : 0
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

const taken = (port: number, cause: unknown): Error =>
  new Error(
    `Port ${port} of 127.0.0.1 cannot be used (${(cause as { code?: string }).code}): end what listens there, or leave "port" out`,
    { cause },
  )

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  path: string,
  handle: (request: Request) => Promise<Response>,
): Promise<void> {
  const url = incoming.url ?? ''
  // Heard from the start: a browser may leave while the code is exchanged.
  const closed = new Promise<void>((resolve) => outgoing.once('close', resolve))
  const hosts = incoming.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === 'host')
  // A foreign Host is a rebinding attack (CVE-2025-66414); a foreign path belongs to another page.
  const ours = hosts.length === 1 && `http://${hosts[0]}` === origin
  if (incoming.method !== 'GET' || !ours || url.split('?', 1)[0] !== path) {
    outgoing.writeHead(404, { connection: 'close' }).end()
    return
  }
  const response = await handle(new Request(`${origin}${url}`)).catch(
    () => new Response(null, { status: 500 }),
  )
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), connection: 'close' })
  const page = await response.text()
  outgoing.end(page)
  await closed
}

/** Seconds for the page to reach the browser, once the authorization is over. */
const patience = 2

/**
 * The page still has to reach the browser. Whatever else is open would hold the process: browsers connect in
 * advance, and send nothing.
 */
async function stop(server: Server, answers: Set<Promise<void>>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // Deno does not tell of each answer whose browser has left.
  await within(patience, Promise.allSettled(answers))
  server.closeAllConnections()
  await closed
}
