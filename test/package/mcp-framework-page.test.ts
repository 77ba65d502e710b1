// The programs of the page "From mcp-framework", as they stand there: compiled against the real package, started, and the official SDK's client signs in and calls the tool.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile } from '../support/compile.ts'
import { sdkSession } from '../../scripts/sdk-session.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { folder as installed } from '../support/mcp-framework.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

// It is installed first, where that has not been done.
vi.setConfig({ hookTimeout: 300_000, testTimeout: 60_000 })

const root = join(import.meta.dirname, '../..')
const folder = join(root, '.tollgate/mcp-framework')
const modules = join(folder, 'node_modules')
const programs = ['http-stream.ts', 'guard.ts', 'sse.ts'] as const
const ports = new Map<string, number>()
const resourceOf = (name: string): string =>
  `http://127.0.0.1:${ports.get(name)}/${name === 'sse.ts' ? 'sse' : 'mcp'}`

let as: Server
beforeAll(async () => {
  await install(installed)
  rmSync(folder, { recursive: true, force: true })
  // As npm installs it: beside the framework, which it imports.
  mkdirSync(join(modules, 'tollgate'), { recursive: true })
  for (const each of ['dist', 'package.json'])
    cpSync(join(root, each), join(modules, 'tollgate', each), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) link(join(root, 'node_modules', name), name)
  link(join(root, 'node_modules/@types/node'), '@types/node')
  for (const name of readdirSync(join(root, installed, 'node_modules')).filter((each) =>
    /^(mcp-framework|zod)$/.test(each),
  ))
    link(join(root, installed, 'node_modules', name), name)

  const issuer = `http://127.0.0.1:${await freePort()}`
  for (const name of programs) ports.set(name, await freePort())
  const scopes = { 'notes:read': 'Read your notes' }
  const server = createAuthorizationServer({
    issuer,
    store: memoryStore(),
    resources: Object.fromEntries(programs.map((name) => [resourceOf(name), { scopes }])),
    signIn: dangerouslyDevSignIn(),
  })
  as = createServer(
    toNodeHandler(async (request) => (await server.handle(request)) ?? new Response(null, { status: 404 })),
  )
  as.listen(Number(new URL(issuer).port), '127.0.0.1')
  await once(as, 'listening')

  const page = readFileSync(join(root, 'docs/guide/migrate/mcp-framework.md'), 'utf8')
  const [first, second] = [...page.matchAll(/^```typescript\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)
  const sse = first!
    .replace("type: 'http-stream'", "type: 'sse'")
    .replace('      auth: {\n', '      auth: {\n        endpoints: { sse: true },\n')
  for (const [i, code] of [first!, second!, sse].entries()) {
    const name = programs[i]!
    const placed = code
      .replaceAll('https://notes.example.com/mcp', resourceOf(name))
      .replaceAll('https://login.example.com', issuer)
      .replaceAll('8080', String(ports.get(name)))
    writeFileSync(join(folder, name), placed)
  }
  expect(readFileSync(join(folder, 'sse.ts'), 'utf8')).toContain('endpoints: { sse: true }')
  writeFileSync(join(folder, 'package.json'), '{ "name": "notes", "version": "1.0.0", "type": "module" }')
})
afterAll(() => {
  as?.closeAllConnections()
  as?.close()
})

function link(from: string, name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true })
  symlinkSync(from, join(modules, name))
}

test('they compile', async () => {
  const compilerOptions = {
    ...{ target: 'es2022', module: 'nodenext', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'] },
    ...{ strict: true, noEmit: true, skipLibCheck: true },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  expect(await compile(folder)).toBe('')
})

test.each(programs)('%s: the official client signs in and calls the tool', async (name) => {
  const child = spawn(process.execPath, [name], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  try {
    const url = new URL(resourceOf(name))
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(401), {
      timeout: 20_000,
      interval: 50,
    })
    const session = sdkSession('A client', undefined, 'ada')
    const transport = (): SSEClientTransport | StreamableHTTPClientTransport =>
      new (name === 'sse.ts' ? SSEClientTransport : StreamableHTTPClientTransport)(url, {
        authProvider: session.provider,
      })
    const first = transport()
    const unsigned = new Client({ name: 'test', version: '1.0.0' }).connect(first as never)
    await expect(unsigned).rejects.toThrow(UnauthorizedError)
    await first.finishAuth((await session.signIn()).get('code')!)
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(transport() as never)
    const { content } = await client.callTool({ name: 'who_am_i', arguments: {} })
    expect((content as { text: string }[])[0]!.text).toContain('You are ada.')
    await client.close()
  } catch (error) {
    throw new Error(output.slice(-4000), { cause: error })
  } finally {
    // The second way ends by itself; the framework waits for its connections.
    child.kill(name === 'guard.ts' ? 'SIGTERM' : 'SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
})
