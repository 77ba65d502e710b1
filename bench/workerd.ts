// The guard inside workerd. Its clock stands still while code runs, so the process's CPU is read from outside.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bar, quantile, table } from './harness.ts'
import { tokens } from './tokens.ts'

const guards = [
  'Request + no-op',
  'tollgate',
  'mcp-handler + jose',
  'MCP SDK v2 + jose',
  'hono/jwk, keys given',
  'a Map in front of jose',
]

export async function workerdBenchmark(): Promise<void> {
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, 'workerd-worker.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'import'],
    external: ['node:*', 'cloudflare:*'],
    write: false,
    logLevel: 'error',
  })
  for (const alg of ['RS256', 'ES256'] as const) {
    const made = await tokens(alg)
    const all = Array.from({ length: 200 }, (_, i) => made.fresh(i))
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script: bundled.outputFiles[0]!.text,
        compatibilityDate: '2026-08-01',
        compatibilityFlags: ['nodejs_compat'],
        bindings: { ALG: alg, JWKS: made.jwks, TOKENS: all, BAD: made.bad },
      }),
    )
    try {
      const url = await miniflare.ready
      const pid = workerdPid()
      const once = (name: string, n: number): Promise<Response> =>
        fetch(`${url}?case=${encodeURIComponent(name)}&n=${n}`)
      const samples = new Map<string, number[]>(guards.map((name) => [name, []]))
      const sizes = new Map<string, number>()
      for (const name of guards) {
        const proof = await once(name, 0)
        if (!proof.ok) throw new Error(`${name} in workerd: ${await proof.text()}`)
        sizes.set(
          name,
          await calibrate(
            (n) => once(name, n),
            () => cpuOf(pid),
          ),
        )
      }
      for (let round = 0; round < 11; round++) {
        for (const name of [...guards].sort(() => Math.random() - 0.5)) {
          const n = sizes.get(name)!
          const before = cpuOf(pid)
          await (await once(name, n)).text()
          samples.get(name)!.push((cpuOf(pid) - before) / n)
        }
      }
      const cpu = new Map([...samples].map(([name, values]) => [name, quantile(values, 0.5)]))
      const of = (name: string): number => cpu.get(name)!
      const net = (name: string): number => Math.max(0.01, of(name) - of('Request + no-op'))
      table(`Guard in workerd, cached token, ${alg} (µs CPU for a whole request)`, [
        ['', 'µs CPU', 'x tollgate'],
        ...[...cpu].map(([name, each]) => [name, each.toFixed(2), (each / of('tollgate')).toFixed(2)]),
      ])
      bar(
        'net, mcp-handler : tollgate',
        net('mcp-handler + jose') / net('tollgate'),
        alg === 'RS256' ? 12 : 25,
        'at least',
      )
      bar('net, tollgate (µs)', net('tollgate'), 2, 'at most')
      bar('whole request, mcp-handler : tollgate', of('mcp-handler + jose') / of('tollgate'), 3.5, 'at least')
      bar('whole request, tollgate : no-op', of('tollgate') / of('Request + no-op'), 1.35, 'at most')
    } finally {
      await miniflare.dispose()
    }
  }
}

/** Enough operations for 200 ms of CPU: the kernel counts in ticks of 10 ms. */
async function calibrate(run: (n: number) => Promise<Response>, cpu: () => number): Promise<number> {
  for (let n = 500; ; n *= 2) {
    const before = cpu()
    await (await run(n)).text()
    const spent = cpu() - before
    if (spent >= 200_000) return Math.ceil((n * 200_000) / spent)
  }
}

/** The workerd process that this one has started last. */
function workerdPid(): number {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        return (
          stat.includes('(workerd') &&
          stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(process.pid)
        )
      } catch {
        return false
      }
    })
  if (found.length === 0) throw new Error('no workerd process was started')
  return Math.max(...found)
}

function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
