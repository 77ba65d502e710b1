import { defineConfig } from 'vitest/config'

// `shared` is the suite that every runtime runs. A file whose name says a runtime (`x.workerd.test.ts`) runs there alone.
const shared = ['test/{unit,spec,flow,security}/**/*.test.ts']
const special = ['**/*.{workerd,deno,bun,services}.test.ts']
const onNode = !('Bun' in globalThis) && !('Deno' in globalThis)
const runtime = 'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node'

const common = { testTimeout: 20_000, hookTimeout: 60_000 }

async function workerd(name: string, compatibilityFlags: string[], include: string[]): Promise<object> {
  const { cloudflareTest } = await import('@cloudflare/vitest-plugin')
  return {
    plugins: [
      cloudflareTest({
        main: './test/support/worker.ts',
        miniflare: {
          compatibilityDate: '2026-08-01',
          compatibilityFlags,
          kvNamespaces: ['KV'],
          d1Databases: ['DB'],
          durableObjects: { TOLLGATE: { className: 'TollgateStore', useSQLite: true } },
          // No test needs the internet: whatever is not injected fails loudly.
          outboundService: (request: Request) =>
            new Response(`blocked: ${new URL(request.url).host}`, { status: 599 }),
        },
      }),
    ],
    test: { ...common, name, include, exclude: special.filter((pattern) => !include.includes(pattern)), isolate: false },
  }
}

export default defineConfig(async () => ({
  test: {
    projects: [
      { test: { ...common, name: 'shared', include: [...shared, `test/**/*.${runtime}.test.ts`], exclude: special.map((p) => p.replace(`,${runtime}`, '').replace(`{${runtime},`, '{')) } },
      ...(onNode
        ? [
            await workerd('workerd', ['nodejs_compat'], [...shared, 'test/**/*.workerd.test.ts']),
            await workerd('workerd-plain', ['no_nodejs_compat', 'no_nodejs_compat_v2'], shared),
            { test: { ...common, name: 'node', include: ['test/{store,adapter,runtime,package}/**/*.test.ts'], exclude: special } },
            { test: { ...common, name: 'services', include: ['test/**/*.services.test.ts'] } },
            { test: { ...common, name: 'browser', include: ['test/browser/**/*.test.ts'] } },
          ]
        : []),
    ],
  },
}))
