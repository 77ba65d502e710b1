import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigurationError } from '../errors.ts'
import { checkOptions, requireFunction, requireInteger } from '../lib/options.ts'
import { within } from '../lib/within.ts'
import type { Redirect } from '../client/types.ts'

/** Options of {@link loopbackRedirect}. */
export interface LoopbackOptions {
  /** Shows the URL to the person, for example `openUrl`. Where it resolves to a URL, that is the answer: somebody pasted it. */
  open: Redirect['open']
  /** Fixed: an authorization rejects where it is taken. Default: the port of the last registration where it is free, else any. */
  port?: number
  /** Default `/callback`. */
  path?: string
  /** How the redirect URI names this machine, for servers that know only one of them. The listener is bound to 127.0.0.1 all the same. Default `127.0.0.1`. */
  host?: '127.0.0.1' | 'localhost'
}

/**
 * A redirect URI on this machine for native hosts (RFC 8252 §7.3): a listener on 127.0.0.1 that answers one path under one Host,
 * GET only, and closes when the authorization is over. Also on Deno and Bun.
 */
export function loopbackRedirect(options: LoopbackOptions): Redirect {
  checkOptions('loopbackRedirect', options, ['open', 'port', 'path', 'host'])
  const { open, port, path: base = '/callback', host = '127.0.0.1' } = options
  requireFunction('open', open)
  requireInteger('port', port, { min: 1, max: 65_535, default: 1 })
  if (!URL.canParse(`http://127.0.0.1${base}`) || new URL(`http://127.0.0.1${base}`).pathname !== base)
    throw new ConfigurationError('path', 'pass a path that begins with a slash, as it stands in a URL')
  if (host !== '127.0.0.1' && host !== 'localhost')
    throw new ConfigurationError('host', `must be "127.0.0.1" or "localhost"; got ${JSON.stringify(host)}`)
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
  // A foreign Host is a rebinding attack (CVE-2025-66414 and kin); a foreign path is somebody else's page.
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

/** The page still has to reach the browser. Whatever else is open would hold the process: browsers connect in advance, and send nothing. */
async function stop(server: Server, answers: Set<Promise<void>>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // Deno does not tell of each answer whose browser has left.
  await within(patience, Promise.allSettled(answers))
  server.closeAllConnections()
  await closed
}
