// Code exchange and refresh, ES256 JWTs: Request to Response at the token endpoint.
import './cloudflare-stub.ts'
import { bar, quantile, table } from './harness.ts'
import { startOidcProvider } from './oidc-provider.ts'
import type { Code } from './issuers.ts'
import { exchange, floor, issuerNames, prepare, refresh } from './token-steps.ts'
import { inWorkerd } from './workerd-run.ts'

const codes = 200
const warmUp = 8
const rounds = 24

type Figures = Record<'exchange' | 'refresh', number>

/** An issuer, and the CPU in µs that it takes for one exchange and one refresh in a round. */
interface Contestant {
  name: string
  round(): Promise<Figures>
}

export async function tokensBenchmark(): Promise<void> {
  const n = 600
  const oidc = await startOidcProvider()
  try {
    const contestants: Contestant[] = []
    for (const name of issuerNames) {
      const each = await prepare(name, codes)
      contestants.push({
        name,
        round: async () => ({
          exchange: await timed(cpu, n, () => exchange(each, n)),
          refresh: await timed(cpu, n, () => refresh(each, n)),
        }),
      })
    }
    contestants.push({ name: 'oidc-provider', round: () => oidcRound(oidc) })
    const medians = await contest(contestants)
    print(
      'Code exchange, ES256 JWT (µs CPU; oidc-provider over loopback, its own process only)',
      medians.exchange,
    )
    bars('code exchange', medians.exchange, { floor: 1.7, workers: 4 })
    const ratio = medians.exchange.get('oidc-provider')! / medians.exchange.get('tollgate')!
    bar('code exchange, oidc-provider : tollgate', ratio, 4, 'at least')
    print('Refresh, ES256 JWT (the same)', medians.refresh)
    bars('refresh', medians.refresh, { floor: 2, workers: 3 })
  } finally {
    oidc.stop()
  }
}

/** Each of its codes comes through its pages, so there are fewer of them. */
async function oidcRound({ issuer, cpu }: Awaited<ReturnType<typeof startOidcProvider>>): Promise<Figures> {
  const n = 60
  const codes: Code[] = []
  for (let i = 0; i < n; i++) codes.push(await issuer.code())
  const tokens: string[] = []
  return {
    exchange: await timed(cpu, n, async () => {
      for (const code of codes) tokens.push(await issuer.exchange(code))
    }),
    refresh: await timed(cpu, n, async () => {
      for (const token of tokens) await issuer.refresh(token)
    }),
  }
}

/** The same in workerd, where the kernel's ticks want longer rounds. */
export async function tokensInWorkerd(): Promise<void> {
  const n = 2400
  await inWorkerd('tokens-worker.ts', {}, async (ask, clock) => {
    const contestants: Contestant[] = []
    for (const name of issuerNames) {
      const step = (step: string, n: number) => ask(`name=${encodeURIComponent(name)}&step=${step}&n=${n}`)
      await step('codes', codes)
      contestants.push({
        name,
        round: async () => ({
          exchange: await timed(clock, n, () => step('exchange', n)),
          refresh: await timed(clock, n, () => step('refresh', n)),
        }),
      })
    }
    const medians = await contest(contestants)
    print('Code exchange in workerd, ES256 JWT (µs CPU)', medians.exchange)
    bars('workerd, code exchange', medians.exchange, { floor: 2, workers: 1.8 })
    print('Refresh in workerd, ES256 JWT (µs CPU)', medians.refresh)
    bars('workerd, refresh', medians.refresh, { floor: 2, workers: 1.6 })
  })
}

async function timed(clock: () => number, n: number, work: () => Promise<void>): Promise<number> {
  const before = clock()
  await work()
  return (clock() - before) / n
}

async function contest(contestants: readonly Contestant[]) {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Figures[]]))
  for (let round = 0; round < rounds; round++) {
    for (const each of [...contestants].sort(() => Math.random() - 0.5)) {
      const figures = await each.round()
      if (round >= warmUp) samples.get(each.name)!.push(figures)
    }
  }
  const medians = (of: keyof Figures): Map<string, number> =>
    new Map(
      [...samples].map(([name, all]) => [
        name,
        quantile(
          all.map((each) => each[of]),
          0.5,
        ),
      ]),
    )
  return { exchange: medians('exchange'), refresh: medians('refresh') }
}

function print(title: string, medians: ReadonlyMap<string, number>): void {
  table(title, [
    ['', 'µs CPU', 'x tollgate'],
    ...[...medians].map(([name, each]) => [
      name,
      each.toFixed(0),
      (each / medians.get('tollgate')!).toFixed(2),
    ]),
  ])
}

function bars(
  what: string,
  medians: ReadonlyMap<string, number>,
  limits: { floor: number; workers: number },
): void {
  const ours = medians.get('tollgate')!
  bar(`${what}, tollgate : ${floor}`, ours / medians.get(floor)!, limits.floor, 'at most')
  bar(
    `${what}, workers-oauth-provider : tollgate`,
    medians.get('workers-oauth-provider')! / ours,
    limits.workers,
    'at least',
  )
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
