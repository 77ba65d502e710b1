// The examples compile against the built package, under the strict options that they would have in a project of their own.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { install } from '../support/runtime-next.ts'

const root = join(import.meta.dirname, '../..')
// Inside the package, so that `tollgate/…` resolves through its own `exports`.
const folder = join(root, '.tollgate/examples')

/** As much of each platform as the examples touch: their own types exclude each other. */
const platforms = `
declare module 'cloudflare:workers' {
  interface KV {
    get(key: string): Promise<string | null>
    put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>
    delete(key: string): Promise<void>
  }
  export const env: {
    PUBLIC_URL: string; AUTH_MODE: string; AUTH_SERVER_URL: string; TOLLGATE_SECRET: string; OWNER_PASSWORD_HASH?: string; UPSTREAM_ISSUER?: string
    CACHE: KV; NOTES: KV; TOLLGATE: { getByName(name: string): unknown }
  }
  export function waitUntil(promise: Promise<unknown>): void
  export class DurableObject { constructor(ctx: unknown, env: unknown) }
}
declare module 'bun:sqlite' {
  export class Database {
    constructor(file: string)
    exec(sql: string): unknown
    prepare(sql: string): { get(...parameters: unknown[]): unknown; run(...parameters: unknown[]): { changes: number } }
  }
}
declare module 'bun:test' {
  export { expect, test } from 'vitest'
}
declare const Bun: {
  serve(options: { port: number; hostname: string; fetch(request: Request): Promise<Response> }): {
    requestIP(request: Request): { address: string } | null
  }
}
declare const Deno: {
  test(name: string, body: () => Promise<void>): void
  env: { toObject(): Record<string, string> }
  openKv(path?: string): Promise<import('tollgate/store/deno-kv').DenoKvLike>
  serve(
    options: { port: number; hostname: string; onListen(): void },
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Promise<Response>,
  ): unknown
}
`

test('the examples compile', { timeout: 120_000 }, async () => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'platforms.d.ts'), platforms)
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  }
  const include = [
    'common',
    'workers',
    'node',
    'hono',
    'deno',
    'bun',
    'telemetry',
    'testing',
    'api-key-migration',
  ].map((each) => `../../examples/${each}/*.ts`)
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['.', ...include] }),
  )
  expect(await compile(folder)).toBe('')
})

// `next build` checks examples/next.
test.each(['examples/express', 'examples/postgres-tenants', 'examples/client-agent', 'examples/modes'])(
  '%s compiles as the project that it is',
  { timeout: 300_000 },
  async (folder) => {
    await install(folder)
    expect(await compile(join(root, folder))).toBe('')
  },
)
