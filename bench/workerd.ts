// The guard inside workerd.
import { bar, quantile, table } from './harness.ts'
import { tokens } from './tokens.ts'
import { inWorkerd } from './workerd-run.ts'

const guards = [
  'Request + no-op',
  'tollgate',
  'tollgate, with onEvent',
  'mcp-handler + jose',
  'MCP SDK v2 + jose',
  'hono/jwk, keys given',
  'a Map in front of jose',
]

export async function workerdBenchmark(): Promise<void> {
  for (const alg of ['RS256', 'ES256'] as const) {
    const made = await tokens(alg)
    const all = Array.from({ length: 200 }, (_, i) => made.fresh(i))
    const options = { bindings: { ALG: alg, JWKS: made.jwks, TOKENS: all, BAD: made.bad } }
    await inWorkerd('workerd-worker.ts', options, async (ask, clock) => {
      const once = (name: string, n: number): Promise<void> => ask(`case=${encodeURIComponent(name)}&n=${n}`)
      const samples = new Map<string, number[]>(guards.map((name) => [name, []]))
      const sizes = new Map<string, number>()
      for (const name of guards) {
        // It refuses a bad token.
        await once(name, 0)
        sizes.set(name, await calibrate((n) => once(name, n), clock))
      }
      for (let round = 0; round < 11; round++) {
        for (const name of [...guards].sort(() => Math.random() - 0.5)) {
          const n = sizes.get(name)!
          const before = clock()
          await once(name, n)
          samples.get(name)!.push((clock() - before) / n)
        }
      }
      const cpu = new Map([...samples].map(([name, values]) => [name, quantile(values, 0.5)]))
      const of = (name: string): number => cpu.get(name)!
      const net = (name: string): number => Math.max(0.01, of(name) - of('Request + no-op'))
      table(`Guard in workerd, cached token, ${alg} (µs CPU for a whole request)`, [
        ['', 'µs CPU', 'x tollgate'],
        ...[...cpu].map(([name, each]) => [name, each.toFixed(2), (each / of('tollgate')).toFixed(2)]),
      ])
      for (const name of ['tollgate', 'tollgate, with onEvent']) {
        const ratio = of(name) / of('Request + no-op')
        bar(`workerd, cached token, ${alg}, ${name} : no-op, whole request`, ratio, 1.4, 'at most')
        const peer = net('mcp-handler + jose') / net(name)
        bar(
          `workerd, cached token, ${alg}, net, mcp-handler : ${name}`,
          peer,
          alg === 'RS256' ? 15 : 30,
          'at least',
        )
      }
    })
  }
}

/** Enough operations for 200 ms of CPU: the kernel counts in ticks of 10 ms. */
async function calibrate(run: (n: number) => Promise<void>, cpu: () => number): Promise<number> {
  for (let n = 500; ; n *= 2) {
    const before = cpu()
    await run(n)
    const spent = cpu() - before
    if (spent >= 200_000) return Math.ceil((n * 200_000) / spent)
  }
}
