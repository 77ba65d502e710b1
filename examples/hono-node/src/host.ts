// What Node brings: the environment, and where this server is.
import type { Runtime } from 'tollgate'
import { readPublicUrl } from './public-url.ts'

export const env: Record<string, string | undefined> = process.env
export const port = Number(env['PORT'] || 8787)
export const publicUrl = readPublicUrl(env['PUBLIC_URL'] || `http://127.0.0.1:${port}`)
export const issuer = publicUrl
/** This program serves plain http: with an https URL, a proxy ends TLS in front of it, and names the client. */
export const behindProxy = publicUrl.startsWith('https:')
/** Clients' addresses, for rate limits. */
export const addresses = new WeakMap<Request, string>()
export const runtime: Runtime = behindProxy ? {} : { clientAddress: (request) => addresses.get(request) }

/** Says why this program cannot listen, and ends it. */
export function cannotListen(error: NodeJS.ErrnoException): never {
  const inUse = `Port ${port} is in use. Set PORT to another one, or end the program that listens there.`
  console.error(error.code === 'EADDRINUSE' ? inUse : error)
  process.exit(1)
}
