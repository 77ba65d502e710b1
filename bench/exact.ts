// What does not depend on the machine: store calls, fetches of key sets, sizes, and the memory that is kept.
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { build } from 'esbuild'
import { createResourceServer, jwtVerifier } from '../src/index.ts'
import { customVerifier } from '../src/resource-server/verify/custom-verifier.ts'
import { answer, request, tollgate } from './guards.ts'
import { bar } from './harness.ts'
import { tollgateIssuer } from './issuers.ts'
import { issuer, resource, tokens } from './tokens.ts'

export async function exactBars(): Promise<void> {
  console.log('\nExact: store calls, key set fetches, gzipped kB, memory')
  await storeCalls()
  await keySetFetches()
  await sizes()
  await memory()
}

async function storeCalls(): Promise<void> {
  const each = tollgateIssuer()
  const calls = { read: 0, write: 0 }
  each.count(calls)
  const code = await each.code()
  // Keys, and whether the client is blocked, are known from then on.
  Object.assign(calls, { read: 0, write: 0 })
  const refreshToken = await each.exchange(code)
  bar('store reads of a code exchange', calls.read, 1, 'at most')
  bar('store writes of a code exchange', calls.write, 1, 'at most')
  Object.assign(calls, { read: 0, write: 0 })
  await each.refresh(refreshToken)
  bar('store reads of a refresh', calls.read, 1, 'at most')
  bar('store writes of a refresh', calls.write, 1, 'at most')
}

async function keySetFetches(): Promise<void> {
  const made = await tokens('ES256')
  let fetches = 0
  const rs = createResourceServer({
    resource,
    authorizationServers: [jwtVerifier({ issuer, jwksUri: `${issuer}/jwks`, algorithms: ['ES256'] })],
    fetch: async () => {
      fetches++
      return Response.json(made.jwks)
    },
  })
  const guarded = rs.protect(answer)
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => guarded(request(made.fresh(i)))))
  if (all.some(({ status }) => status !== 200)) throw new Error('a good token is refused')
  bar('key set fetches, 200 cold requests at once', fetches, 1, 'at most')
  fetches = 0
  for (let i = 0; i < 200; i++) await guarded(request(made.fresh(i)))
  bar('key set fetches, warm', fetches, 0, 'at most')
  const unknown = await tokens('ES256', 200, 'k2')
  for (let i = 0; i < 200; i++) await guarded(request(unknown.fresh(i)))
  bar('key set fetches, 200 unknown key ids in one cooldown', fetches, 1, 'at most')
}

async function sizes(): Promise<void> {
  const size = async (...modules: string[]): Promise<number> => {
    const from = modules.map((name, i) => `export * as e${i} from './${name}.ts'`).join('\n')
    const { outputFiles } = await build({
      stdin: { contents: from, resolveDir: join(import.meta.dirname, '../src') },
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      conditions: ['workerd', 'worker'],
      external: ['node:*', 'cloudflare:*'],
      write: false,
      logLevel: 'error',
    })
    return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1000
  }
  bar('kB, tollgate', await size('index'), 20, 'at most')
  bar('kB, with the authorization server', await size('index', 'authorization-server/index'), 50, 'at most')
  bar('kB, client', await size('client/index'), 20, 'at most')
}

/** A million tokens that the guard has never seen, every other one refused, after a first hundred thousand. */
async function memory(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const verifier = customVerifier({
    issuer,
    ttl: 3600,
    verify: (token) => (token.endsWith('1') ? { clientId: 'bench', scopes: [], resource } : undefined),
  })
  const rs = createResourceServer({ resource, authorizationServers: [verifier] })
  const jwts = tollgate(await tokens('ES256', 1))
  const guarded = rs.protect(answer)
  let next = 0
  const heapAfter = async (count: number): Promise<number> => {
    for (; next < count; next++) {
      await guarded(request(`distinct-token-${next}-${next % 2}`))
      if (next % 10 === 0) await jwts(request(`eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiIke${next}In0.AAAA`))
    }
    collect()
    return process.memoryUsage().heapUsed / 1e6
  }
  const before = await heapAfter(100_000)
  bar('MB of heap more after a million tokens', (await heapAfter(1_000_000)) - before, 1, 'at most')
}
