// The guard in process: Request + guard + a handler that does nothing.
import './cloudflare-stub.ts'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { measure, table, bar, type Case, type Figure } from './harness.ts'
import { answer, claims, ok, ours, peers, request, tollgate, type Handler } from './guards.ts'
import { tokens, type Tokens } from './tokens.ts'
import { workersIssuer } from './workers-oauth-provider.ts'

async function proves(name: string, handler: Handler, made: Tokens): Promise<void> {
  const good = await handler(request(made.fresh(0)))
  const bad = await handler(request(made.bad))
  if (good.status !== 200) throw new Error(`${name} refuses a good token: ${good.status}`)
  if (bad.status !== 401) throw new Error(`${name} does not refuse a bad token: ${bad.status}`)
}

const loop = (name: string, handler: Handler, token: (i: number) => string | undefined): Case => {
  let i = 0
  return {
    name,
    async run(n) {
      for (let k = 0; k < n; k++) await handler(request(token(i++)))
    },
  }
}

/** Tokens of its own, as fresh strings; a bad one is refused. */
async function workersTokens(): Promise<{ handler: Handler; fresh: (i: number) => string }> {
  const { handler, accessToken } = await workersIssuer()
  const issued: Buffer[] = []
  for (let i = 0; i < 200; i++) issued.push(Buffer.from(await accessToken(), 'latin1'))
  const fresh = (i: number): string => issued[i % issued.length]!.toString('latin1')
  const refused = await handler(request(`${fresh(0)}x`))
  if (refused.status !== 401)
    throw new Error(`workers-oauth-provider does not refuse a bad token: ${refused.status}`)
  return { handler, fresh }
}

export async function guardBenchmark(): Promise<void> {
  for (const alg of ['RS256', 'ES256'] as const) {
    const made = await tokens(alg)
    const cases: Record<string, Handler> = { ...ours(made), ...peers(made) }
    const peer = await workersTokens()
    for (const [name, handler] of Object.entries(cases)) await proves(name, handler, made)
    const bare: Case = loop('Request + no-op', answer, made.fresh)
    const figures = await measure([
      bare,
      ...Object.entries(cases).map(([name, handler]) => loop(name, handler, made.fresh)),
      loop('workers-oauth-provider', peer.handler, peer.fresh),
    ])
    print(`Guard, cached token, ${alg} (µs CPU for a whole request)`, figures)
    const floor = figures.get('Request + no-op')!.cpu
    const net = (name: string): number => Math.max(0.01, figures.get(name)!.cpu - floor)
    for (const name of Object.keys(ours(made))) {
      bar(
        `cached token, ${alg}, ${name} : no-op, whole request`,
        figures.get(name)!.cpu / floor,
        1.15,
        'at most',
      )
      const ratio = net('mcp-handler + jose') / net(name)
      bar(`cached token, ${alg}, net, mcp-handler : ${name}`, ratio, alg === 'RS256' ? 170 : 260, 'at least')
    }

    const uncached = await measure([
      loop('tollgate, no token cache', tollgate(made, { tokenCache: false }), made.fresh),
      { name: "Request + jose's jwtVerify", run: joseAlone(made) },
      bare,
    ])
    print(`Guard, uncached, ${alg}`, uncached)
    const verified = uncached.get('tollgate, no token cache')!.cpu
    const floorOfJose = uncached.get("Request + jose's jwtVerify")!.cpu
    bar(`uncached token, ${alg}, tollgate : jwtVerify`, verified / floorOfJose, 1.08, 'at most')
  }

  const made = await tokens('ES256', 1)
  const body = JSON.stringify({ error: 'invalid_token', error_description: 'no token' })
  const none = await measure([
    loop(
      'new Response, JSON body',
      () => new Response(body, { status: 401, headers: ok }),
      () => undefined,
    ),
    loop(
      'new Response, null body',
      () => new Response(null, { status: 401, headers: ok }),
      () => undefined,
    ),
    loop('tollgate', tollgate(made), () => undefined),
    ...Object.entries(peers(made)).map(([name, handler]) => loop(name, handler, () => undefined)),
  ])
  print('401 without a token', none)
  const ratio = none.get('tollgate')!.cpu / none.get('new Response, JSON body')!.cpu
  bar('401 without a token, tollgate : new Response with a JSON body', ratio, 0.55, 'at most')
}

function joseAlone({ alg, jwks, fresh }: Tokens): (n: number) => Promise<void> {
  const keys = createLocalJWKSet(jwks)
  let i = 0
  return async (n) => {
    for (let k = 0; k < n; k++) {
      const incoming = request(fresh(i++))
      await jwtVerify(incoming.headers.get('authorization')!.slice(7), keys, claims(alg))
    }
  }
}

export function print(title: string, figures: ReadonlyMap<string, Figure>): void {
  const first = [...figures].find(([name]) => name.startsWith('tollgate'))?.[1].cpu ?? 1
  table(title, [
    ['', 'µs CPU', 'µs wall', 'x tollgate'],
    ...[...figures].map(([name, { cpu, wall }]) => [
      name,
      cpu.toFixed(2),
      wall.toFixed(2),
      (cpu / first).toFixed(2),
    ]),
  ])
}
