// What Workers bring: the environment, and where this server is.
import { env as bindings, waitUntil } from 'cloudflare:workers'
import type { Runtime } from 'tollgate'
import { readPublicUrl } from './public-url.ts'

export const env = bindings as unknown as Record<string, string | undefined>
export const publicUrl = readPublicUrl(env['PUBLIC_URL'] || 'http://127.0.0.1:8787')
export const issuer = publicUrl
export const behindProxy = false
export const runtime: Runtime = {
  waitUntil,
  clientAddress: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
}
