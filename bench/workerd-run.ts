// A Worker in workerd. Its own clock stands still while code runs, so the process's CPU is read from outside.
import { join } from 'node:path'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { cpuOf, workerdPid } from './process.ts'

/** Calls `run` with a function that asks the Worker and a clock of its CPU, in µs. */
export async function inWorkerd(
  entry: string,
  options: Record<string, unknown>,
  run: (ask: (query: string) => Promise<void>, clock: () => number) => Promise<void>,
): Promise<void> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: await bundle(entry),
      compatibilityDate: '2026-08-01',
      compatibilityFlags: ['nodejs_compat'],
      ...options,
    }),
  )
  try {
    const url = await miniflare.ready
    const pid = workerdPid()
    const ask = async (query: string): Promise<void> => {
      const response = await fetch(`${url}?${query}`)
      const text = await response.text()
      if (!response.ok) throw new Error(`in workerd, ${query}: ${text}`)
    }
    await run(ask, () => cpuOf(pid))
  } finally {
    await miniflare.dispose()
  }
}

/** A module of this folder with all that it imports. */
export async function bundle(entry: string): Promise<string> {
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'import'],
    external: ['node:*', 'cloudflare:*'],
    write: false,
    logLevel: 'error',
  })
  return bundled.outputFiles[0]!.text
}
