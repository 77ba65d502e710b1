// The quick starts of the hosts page, as they stand there: each is started, and the official SDK's client signs in and calls the tool.
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { unstable_readConfig as readConfig } from 'wrangler'
import { ada, connectAndCall, writePrograms } from '../support/page-programs.ts'
import { bin, program } from '../support/runtime-hosts.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'
import { bundle, startWorkerd } from '../support/runtime-workerd.ts'

const root = join(import.meta.dirname, '../..')
const folder = '.tollgate/quick-start'

const filesOf = (host: string): Map<string, string> =>
  writePrograms('docs/guide/hosts.md', host, `${folder}/${host}`)

/** Only the MCP server's path is guarded; another one is 404, for a browser that opens the host. */
async function expectNoOtherPath(url: URL): Promise<void> {
  for (const path of ['/', '/favicon.ico', '/.well-known/unknown']) {
    const response = await fetch(new URL(path, url))
    expect(response.status, path).toBe(404)
    expect(response.headers.has('www-authenticate'), path).toBe(false)
    await response.body?.cancel()
  }
}

const programs: [host: string, command: string[]][] = [
  ['Node', [process.execPath]],
  ['Deno', [bin('deno'), 'run', '--no-prompt', '--allow-net', '--allow-env']],
  ['Bun', [bin('bun')]],
  ['Hono', [process.execPath]],
  ['Express', [process.execPath]],
]

test.for(programs)('U15 the quick start on %s', async ([host, command]) => {
  filesOf(host)
  const port = await freePort()
  const close = await program([...command, join(folder, host, 'server.ts')])({
    port,
    // A slash at its end is taken away.
    variables: { PUBLIC_URL: `http://127.0.0.1:${port}/` },
  })
  try {
    const url = new URL(`http://127.0.0.1:${port}/mcp`)
    expect(await connectAndCall(url)).toEqual(ada)
    await expectNoOtherPath(url)
  } finally {
    await close()
  }
})

test('U15 the quick start on Cloudflare Workers', async () => {
  filesOf('Cloudflare Workers')
  const config = readConfig({ config: join(root, folder, 'Cloudflare Workers/wrangler.toml') })
  const [binding] = config.durable_objects.bindings
  expect(config.migrations[0]!.new_sqlite_classes).toEqual([binding!.class_name])
  const port = await freePort()
  const miniflare = await startWorkerd({
    modules: true,
    script: await bundle(config.main!),
    compatibilityDate: config.compatibility_date!,
    compatibilityFlags: config.compatibility_flags,
    durableObjects: { [binding!.name]: { className: binding!.class_name, useSQLite: true } },
    bindings: {
      ...config.vars,
      PUBLIC_URL: `http://127.0.0.1:${port}/`,
      TOLLGATE_SECRET: 'a deployment secret for tests, of forty bytes',
    },
    port,
  } as never)
  try {
    const url = new URL(`http://127.0.0.1:${port}/mcp`)
    expect(await connectAndCall(url)).toEqual(ada)
    await expectNoOtherPath(url)
  } finally {
    await miniflare.dispose()
  }
})

test(
  'the quick start on Next compiles, and has the routes of the example',
  { timeout: 300_000 },
  async () => {
    await install('examples/next')
    const files = filesOf('Next')
    const routes = ['app/mcp/route.ts', 'app/oauth/[...path]/route.ts', 'app/.well-known/[...path]/route.ts']
    expect([...files.keys()].toSorted()).toEqual(
      ['app/tollgate.ts', 'instrumentation.ts', ...routes].toSorted(),
    )
    const project = join(root, folder, 'Next')
    symlinkSync(join(root, 'examples/next/node_modules'), join(project, 'node_modules'))
    const { compilerOptions } = JSON.parse(readFileSync(join(root, 'examples/next/tsconfig.json'), 'utf8'))
    writeFileSync(
      join(project, 'tsconfig.json'),
      // A new Next application does not have the example's option.
      JSON.stringify({
        compilerOptions: { ...compilerOptions, incremental: false, allowImportingTsExtensions: false },
        include: ['**/*.ts', 'app/.well-known/**/*.ts'],
      }),
    )
    expect(await compile(project)).toBe('')
  },
)
