// The drop-ins of the migration pages, as they stand there: each is type-checked and started, and the official
// SDK's client signs in at an authorization server that is not ours and calls the tool.
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test, vi } from 'vitest'
import { compile } from '../support/compile.ts'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { ada, connectAndCall, writePrograms } from '../support/page-programs.ts'
import { program } from '../support/runtime-hosts.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

// It is installed first, where that has not been done.
vi.setConfig({ testTimeout: 300_000 })

const root = join(import.meta.dirname, '../..')
const folder = '.tollgate/drop-ins'

/** Starts the program with an authorization server beside it, and connects. */
async function run(file: string, path: string): Promise<unknown> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const resource = `${origin}${path}`
  const server = await startOidcProvider({ scopes: ['notes:read'], resources: { [resource]: 'jwt' } })
  const variables = { PUBLIC_URL: origin, AUTH_SERVER_URL: server.issuer }
  const close = await program([process.execPath, file])({ port, variables })
  try {
    // U15: only the MCP server's path is guarded.
    expect((await fetch(`${origin}/favicon.ico`)).status).toBe(404)
    return await connectAndCall(new URL(resource))
  } finally {
    await close()
    await server.close()
  }
}

/** The errors of a new project with the usual options. */
function typeErrors(project: string): Promise<string> {
  const compilerOptions = {
    target: 'es2023',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  }
  const include = ['**/*.ts', 'app/.well-known/**/*.ts']
  writeFileSync(join(root, project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
  return compile(join(root, project))
}

/** Serves a `fetch` handler, which the pages leave to the host. */
const host = (imports: string, handler: string): string => `
import { createServer } from 'node:http'
import { toNodeHandler } from 'tollgate/node'
${imports}
const listener = toNodeHandler(${handler})
createServer(listener).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('Notes at this port'))
`

test('RC18 sdk-router.md: requireBearerAuth of SDK v1 on Express', async () => {
  const project = `${folder}/sdk-v1`
  writePrograms('docs/guide/migrate/sdk-router.md', 'Keep `requireBearerAuth`: SDK v1 on Express', project)
  expect(await typeErrors(project)).toBe('')
  expect(await run(`${project}/server.ts`, '/mcp')).toEqual(ada)
})

test('RC18 sdk-router.md: requireBearerAuth of SDK v2', async () => {
  const project = `${folder}/sdk-v2`
  writePrograms('docs/guide/migrate/sdk-router.md', 'Keep `requireBearerAuth`: SDK v2', project)
  expect(await typeErrors(project)).toBe('')
  const code = host("import server from './server.ts'", 'server.fetch')
  writeFileSync(join(root, project, 'host.ts'), code)
  expect(await run(`${project}/host.ts`, '/mcp')).toEqual(ada)
})

test('RC18 mcp-handler.md: withMcpAuth of the real package', async () => {
  await install('tools/mcp-handler')
  const project = `${folder}/mcp-handler`
  const files = writePrograms('docs/guide/migrate/mcp-handler.md', 'Keep `withMcpAuth`', project)
  const routes = ['app/api/mcp/route.ts', 'app/.well-known/[...path]/route.ts']
  expect([...files.keys()]).toEqual(['app/tollgate.ts', ...routes])
  symlinkSync(join(root, 'tools/mcp-handler/node_modules'), join(root, project, 'node_modules'))
  expect(await typeErrors(project)).toBe('')
  const [mcp, metadata] = routes.map((file) => JSON.stringify(`./${file}`))
  const code = host(
    `import * as mcp from ${mcp}\nimport * as metadata from ${metadata}`,
    `(request) => (new URL(request.url).pathname === '/api/mcp' ? mcp : metadata)[request.method](request)`,
  )
  writeFileSync(join(root, project, 'host.ts'), code)
  // As Next does: its modules name each other without an extension.
  await build({
    entryPoints: [join(root, project, 'host.ts')],
    outfile: join(root, project, 'host.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  })
  expect(await run(`${project}/host.mjs`, '/api/mcp')).toEqual(ada)
})
