import { defineConfig } from 'vitest/config'

// The shared suite: every runtime runs it. A file whose name says a host (`x.workerd.test.ts`) runs only there.
const shared = [
  'test/{authorization-server,client,doctor,guard,http,lib,protocol,store,telemetry,testing,upstream}/**/*.test.ts',
]
const hosts = ['node', 'workerd', 'deno', 'bun', 'services', 'faults']
const elsewhere = (host: string): string[] =>
  hosts.filter((other) => other !== host).map((other) => `**/*.${other}.test.ts`)

const runtime = 'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node'
const common = { testTimeout: 30_000, hookTimeout: 120_000 }

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
    test: { ...common, name, include, exclude: elsewhere('workerd'), isolate: false },
  }
}

const here = {
  test: {
    ...common,
    name: 'shared',
    include: runtime === 'node' ? shared : [...shared, `test/**/*.${runtime}.test.ts`],
    exclude: runtime === 'node' ? elsewhere('') : elsewhere(runtime),
  },
}

export default defineConfig(async () => ({
  test: {
    projects:
      runtime === 'node'
        ? [
            here,
            await workerd('workerd', ['nodejs_compat'], [...shared, 'test/**/*.workerd.test.ts']),
            await workerd('workerd-plain', ['no_nodejs_compat', 'no_nodejs_compat_v2'], shared),
            {
              // It is installed by the test that uses it.
              resolve: {
                alias: { 'mcp-framework': 'tools/mcp-framework/node_modules/mcp-framework/dist/index.js' },
              },
              test: {
                ...common,
                name: 'node',
                include: ['test/{adapter,package}/**/*.test.ts', 'test/**/*.node.test.ts'],
                exclude: elsewhere('node'),
              },
            },
            { test: { ...common, name: 'services', include: ['test/**/*.services.test.ts'] } },
            // Each file has the servers to itself: it stalls them.
            { test: { ...common, name: 'faults', include: ['test/**/*.faults.test.ts'] } },
            { test: { ...common, name: 'browser', include: ['test/browser/**/*.test.ts'] } },
          ]
        : [here],
  },
}))
