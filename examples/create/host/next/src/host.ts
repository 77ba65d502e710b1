// What Next brings: the environment, and where this server is. Next itself does not know the URL.
import type { Runtime } from 'tollgate'
import { readPublicUrl } from './public-url.ts'

export const env: Record<string, string | undefined> = process.env
export const publicUrl = readPublicUrl(env['PUBLIC_URL'] || `http://127.0.0.1:${env['PORT'] || 3000}`)
/** Below a path, so that one catch-all route has all endpoints. */
export const issuer = `${publicUrl}/oauth`
/** Next serves plain http: it is a proxy that ends TLS, and that says who the client is. */
export const behindProxy = true
export const runtime: Runtime = {}
