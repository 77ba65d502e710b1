// workerd through Miniflare, for tests that need two Workers, a restart or a port of their own.
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions } from 'miniflare'

/** The module and all that it imports, in one. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    write: false,
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:workers', 'node:*'],
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

/** Starts workerd; what is not said is as in the repository's wrangler.toml. */
export async function startWorkerd(options: V4MiniflareOptions): Promise<Miniflare> {
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...options, host: '127.0.0.1' }))
  await miniflare.ready
  return miniflare
}

/** Of a Worker. */
export const compatibility: { modules: true; compatibilityDate: string; compatibilityFlags: string[] } = {
  modules: true,
  compatibilityDate: '2026-08-01',
  compatibilityFlags: ['global_fetch_strictly_public', 'enable_request_signal'],
}
