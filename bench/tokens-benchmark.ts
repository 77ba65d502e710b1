// Code exchange and refresh, ES256 JWTs: Request to Response at the token endpoint, each code and refresh token used once.
import './cloudflare-stub.ts'
import { bar, quantile, table } from './harness.ts'
import { signatureAlone, tollgateIssuer, type Code, type Issuer } from './issuers.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { inWorkerd } from './workerd-run.ts'
import { workersIssuer } from './workers-oauth-provider.ts'

const warmUp = 6
const rounds = 24
const n = 60

/** One who issues, and the clock that counts his CPU: a round of `n` exchanges, then one of `n` refreshes. */
interface Contestant {
  name: string
  round(): Promise<{ exchange: number; refresh: number }>
}

export async function tokensBenchmark(): Promise<void> {
  const oidc = await startOidcProvider()
  const here = [await signatureAlone(), tollgateIssuer(), (await workersIssuer()).issuer]
  try {
    const contestants = [...here.map((each) => contestant(each, cpu)), contestant(oidc.issuer, oidc.cpu)]
    const { exchange, refresh } = await contest(contestants)
    print(
      'Code exchange, ES256 JWT (µs CPU; oidc-provider over loopback, its own process alone)',
      exchange,
      5,
    )
    const ratio = exchange.get('oidc-provider')! / exchange.get('tollgate')!
    bar('oidc-provider : tollgate', ratio, 2.5, 'at least')
    print('Refresh, ES256 JWT (the same)', refresh, 5)
  } finally {
    oidc.stop()
  }
}

/** The same in workerd, where the kernel's ticks want longer rounds. */
export async function tokensInWorkerd(): Promise<void> {
  const count = 600
  await inWorkerd('tokens-worker.ts', {}, async (ask, clock) => {
    const timed = async (query: string): Promise<number> => {
      const before = clock()
      await ask(query)
      return (clock() - before) / count
    }
    const contestants = ['Request + signature + Response', 'tollgate', 'workers-oauth-provider'].map(
      (name) => ({
        name,
        async round() {
          await ask(`name=${encodeURIComponent(name)}&step=codes&n=${count}`)
          const exchange = await timed(`name=${encodeURIComponent(name)}&step=exchange`)
          return { exchange, refresh: await timed(`name=${encodeURIComponent(name)}&step=refresh`) }
        },
      }),
    )
    const { exchange, refresh } = await contest(contestants)
    print('Code exchange in workerd, ES256 JWT (µs CPU)', exchange, 3)
    print('Refresh in workerd, ES256 JWT (µs CPU)', refresh, 2)
  })
}

function contestant(issuer: Issuer, clock: () => number): Contestant {
  return {
    name: issuer.name,
    async round() {
      const codes: Code[] = []
      for (let i = 0; i < n; i++) codes.push(await issuer.code())
      const started = clock()
      const tokens: string[] = []
      for (const code of codes) tokens.push(await issuer.exchange(code))
      const exchanged = clock()
      for (const token of tokens) await issuer.refresh(token)
      return { exchange: (exchanged - started) / n, refresh: (clock() - exchanged) / n }
    },
  }
}

async function contest(contestants: readonly Contestant[]) {
  const samples = new Map(
    contestants.map(({ name }) => [name, { exchange: [] as number[], refresh: [] as number[] }]),
  )
  for (let round = 0; round < rounds; round++) {
    for (const each of [...contestants].sort(() => Math.random() - 0.5)) {
      const { exchange, refresh } = await each.round()
      if (round < warmUp) continue
      samples.get(each.name)!.exchange.push(exchange)
      samples.get(each.name)!.refresh.push(refresh)
    }
  }
  const medians = (of: 'exchange' | 'refresh'): Map<string, number> =>
    new Map([...samples].map(([name, all]) => [name, quantile(all[of], 0.5)]))
  return { exchange: medians('exchange'), refresh: medians('refresh') }
}

function print(title: string, medians: ReadonlyMap<string, number>, aim: number): void {
  const of = (name: string): number => medians.get(name)!
  table(title, [
    ['', 'µs CPU', 'x tollgate'],
    ...[...medians].map(([name, each]) => [name, each.toFixed(0), (each / of('tollgate')).toFixed(2)]),
  ])
  const ratio = of('workers-oauth-provider') / of('tollgate')
  bar('workers-oauth-provider : tollgate', ratio, aim, 'at least')
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
