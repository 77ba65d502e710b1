// What Deno brings: the environment, and where this server is.
import type { Runtime } from 'tollgate'
import { readPublicUrl } from './public-url.ts'

export const env: Record<string, string | undefined> = Deno.env.toObject()
export const port = Number(env['PORT'] || 8787)
export const publicUrl = readPublicUrl(env['PUBLIC_URL'] || `http://127.0.0.1:${port}`)
export const issuer = publicUrl
/** This program serves plain http: with an https URL, what stands in front of it ends TLS and says who the
 * client is. */
export const behindProxy = publicUrl.startsWith('https:')
/** Clients' addresses, for rate limits. */
export const addresses = new WeakMap<Request, string>()
export const runtime: Runtime = behindProxy ? {} : { clientAddress: (request) => addresses.get(request) }
