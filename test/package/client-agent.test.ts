// examples/client-agent, as its user runs it: with a user at the browser, and without one.
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK } from 'jose'

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { oneLine, printable } from '../../examples/client-agent/call.ts'
import { memory, needs, notes, scopes } from '../../examples/common/notes.ts'
import { browse, type Visit } from '../../scripts/browser.ts'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import {
  createAuthorizationServer,
  type EmbeddedAuthorizationServer,
} from '../../src/authorization-server/index.ts'
import { createResourceServer, type TollgateEvent } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { program } from '../support/runtime-hosts.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

const root = join(import.meta.dirname, '../..')
const example = join(root, 'examples/client-agent')
// By path: a fresh clone is type-checked before the example's own packages are installed.
const { readSettings, UsageError } = await import(join(example, 'settings.ts'))
const secret = 'a secret for tests, long enough to be one'

let folder: string
const ending: (() => unknown)[] = []
/** The notes server of examples/node, with its own authorization server. */
let server = ''
let stop: (() => Promise<void>) | undefined
beforeAll(async () => {
  await install('examples/client-agent', { dev: false })
  ;({ url: server, stop } = await startNotes({ AUTH_MODE: 'internal' }))
}, 120_000)
afterAll(() => stop?.())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-client-agent-'))
  mkdirSync(join(folder, 'no-programs'))
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
  rmSync(folder, { recursive: true, force: true })
})

interface Run {
  code: number | null
  stdout: string
  stderr: string
  /** How often the user was sent to the browser. */
  asked: number
}

interface Options {
  /** The user at the browser; without one, who is asked does nothing. */
  user?: Visit
  env?: Record<string, string>
  input?: string
  /** Sent as soon as the user is asked. */
  signal?: NodeJS.Signals
}

/** Runs the agent, and plays the browser where it sends its user. */
function agent(args: readonly string[], { user, env = {}, input = '', signal }: Options = {}): Promise<Run> {
  const child = spawn(process.execPath, [join(example, 'agent.ts'), ...args], {
    // No opener of URLs is found there, so no window opens.
    env: { PATH: join(folder, 'no-programs'), AGENT_FOLDER: join(folder, 'tokens'), ...env },
    stdio: 'pipe',
  })
  child.stdin.end(input)
  const run: Run = { code: null, stdout: '', stderr: '', asked: 0 }
  child.stdout.on('data', (chunk: Buffer) => (run.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    run.stderr += chunk.toString()
    const asked = [...run.stderr.matchAll(/Sign in here:\n(\S+)\n/g)]
    if (asked.length === run.asked) return
    run.asked = asked.length
    if (signal !== undefined) child.kill(signal)
    else if (user !== undefined) void approve(new URL(asked.at(-1)![1]!), user)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...run, code })))
}

async function approve(url: URL, user: Visit): Promise<void> {
  const page = await fetch(await browse(url, url.searchParams.get('redirect_uri')!, user))
  await page.body?.cancel()
}

async function startNotes(
  variables: Record<string, string>,
  port?: number,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const at = port ?? (await freePort())
  const start = program([process.execPath, 'examples/node/server.ts'])
  const stop = await start({ port: at, variables: { TOLLGATE_SECRET: secret, ...variables } })
  return { url: `http://127.0.0.1:${at}/mcp`, stop }
}

test('the example compiles as the project that it is', async () => {
  expect(await compile(example)).toBe('')
})

test('RFC 8252 §7.3, RFC 7009: a user signs in once, and the next run does not ask; after --sign-out it asks again', async () => {
  const first = await agent(
    [server, 'write_note title=Milk text="two bottles"', "read_note title='Milk'", '--ask'],
    {
      user: { name: 'ada' },
    },
  )
  expect(first).toMatchObject({ code: 0, asked: 1, stdout: 'Wrote "Milk".\ntwo bottles\n' })
  expect(first.stderr).toContain(`${server} asks for notes:read, notes:write at ${new URL(server).origin}.`)

  const plan = '# what is there\nlist_notes\n\nread_note title=Milk\n'
  const second = await agent([server], { input: plan })
  expect(second).toMatchObject({ code: 0, asked: 0, stdout: 'Milk\ntwo bottles\n' })

  expect(await agent([server, '--sign-out'])).toMatchObject({
    code: 0,
    stderr: `Signed out of ${server}. The next call asks again.\n`,
  })
  expect(await agent([server, 'list_notes'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The server wants a sign-in, and this is no terminal\. .*AGENT_CLIENT_ID/),
  })
  expect(await agent([server, 'list_notes', '--ask'], { user: { name: 'ada' } })).toMatchObject({
    code: 0,
    asked: 1,
  })
})

test('a loop over calls goes on after one that failed; a plan ends there', async () => {
  const input = 'nonsense\nlist_notes\nread_note Milk\nquit\nlist_notes\n'
  const loop = await agent([server, '--ask'], { user: { name: 'bob' }, input })
  expect(loop).toMatchObject({ code: 0, stdout: 'There are no notes yet.\n' })
  expect(loop.stderr).toContain('There is no tool "nonsense". There are: list_notes, read_note, write_note')
  expect(loop.stderr).toContain('An argument is written name=value; got "Milk"')
  const plan = await agent([server, 'nonsense', 'list_notes'])
  expect(plan).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('There is no tool') })
})

test('CL13 what the user does not allow is refused with what to do, and not asked for in a circle', async () => {
  const calls = ['list_notes', 'write_note title=Milk text=none']
  const run = await agent([server, ...calls, '--ask'], { user: { name: 'carol', scopes: ['notes:read'] } })
  expect(run).toMatchObject({ code: 1, asked: 1, stdout: 'There are no notes yet.\n' })
  expect(run.stderr).toMatch(/This needs the scopes .*notes:write.* --sign-out, and allow it/)
})

test('RFC 6749 §4.1.2.1 the user refuses the sign-in', async () => {
  const run = await agent([server, '--ask'], {
    user: { name: 'ada', press: /^(?!.*allow).*(deny|sign.?in|continue)/i },
  })
  expect(run).toMatchObject({ code: 1, asked: 1, stdout: '' })
  expect(run.stderr).toContain('The sign-in was refused. Run the command again to be asked again.')
})

interface OwnServer {
  url: string
  as: EmbeddedAuthorizationServer
  /** The types of what happened. */
  events: string[]
  /** Lets so many seconds pass for the server. */
  pass(seconds: number): void
}

/** A server whose grants and time are this test's; it asks for little first. */
async function startOwn(): Promise<OwnServer> {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const url = `${issuer}/mcp`
  const events: string[] = []
  const onEvent = ({ type }: TollgateEvent): void => void events.push(type)
  let passed = 0
  const clock = (): number => Date.now() / 1000 + passed
  const as = createAuthorizationServer({
    issuer,
    secret,
    store: memoryStore(),
    resources: { [url]: { scopes } },
    signIn: dangerouslyDevSignIn(),
    checkRevocation: 0,
    clock,
    onEvent,
  })
  const rs = createResourceServer({
    resource: url,
    authorizationServers: [as],
    requiredScopes: ['notes:read'],
    firstChallengeScopes: 'required',
    clock,
    onEvent,
  })
  const guarded = rs.protect(notes(memory()), { operations: operationScopes(needs, { default: 'deny' }) })
  const handler = async (request: Request): Promise<Response> =>
    (await as.handle(request)) ?? guarded(request)
  const server = createServer(toNodeHandler(handler))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  ending.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url, as, events, pass: (seconds) => void (passed += seconds) }
}

test('CL13 step-up: a tool that wants more asks for the union, once, and the call goes on', async () => {
  const { url } = await startOwn()
  const calls = ['list_notes', 'write_note title=Milk text=two', 'write_note title=Bread text=one']
  const run = await agent([url, ...calls, '--ask'], { user: { name: 'ada' } })
  expect(run).toMatchObject({ code: 0, asked: 2 })
  expect(run.stdout).toBe('There are no notes yet.\nWrote "Milk".\nWrote "Bread".\n')
  expect(run.stderr.match(/asks for .* at /g)).toEqual([
    'asks for notes:read at ',
    'asks for notes:read, notes:write at ',
  ])
})

test('RFC 6749 §6 a token that has expired is renewed without the user; a revoked grant asks again', async () => {
  const { url, as, events, pass } = await startOwn()
  expect(await agent([url, 'list_notes', '--ask'], { user: { name: 'ada' } })).toMatchObject({
    code: 0,
    asked: 1,
  })
  pass(1000)
  expect(await agent([url, 'list_notes'])).toMatchObject({ code: 0, asked: 0 })
  expect(events.filter((type) => type === 'token.refreshed')).toHaveLength(1)

  await as.grants.revoke('ada')
  expect(await agent([url, 'list_notes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('sign-in'),
  })
  expect(await agent([url, 'list_notes', '--ask'], { user: { name: 'ada' } })).toMatchObject({
    code: 0,
    asked: 1,
  })
})

test('CL16 Ctrl-C while the user is asked: it ends at once, and does not block the next run', async () => {
  const stopped = await agent([server, 'list_notes', '--ask'], { signal: 'SIGINT' })
  expect(stopped).toMatchObject({ code: 130, stdout: '' })
  expect(stopped.stderr).toMatch(/\nStopped\.\n$/)
  expect(await agent([server, 'list_notes', '--ask'], { user: { name: 'ada' } })).toMatchObject({
    code: 0,
    asked: 1,
  })
})

test('without a network, and without a server, it says so in a sentence', async () => {
  const port = await freePort()
  expect(await agent([`http://127.0.0.1:${port}/mcp`, 'list_notes'])).toEqual({
    code: 1,
    asked: 0,
    stdout: '',
    stderr: `127.0.0.1:${port} refuses the connection: does the server run?\n`,
  })
  const unknown = await agent(['https://nosuch.example/mcp', 'list_notes'])
  expect(unknown).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^nosuch\.example has no address: .*network\?\n$/),
  })
})

test('RFC 6749 §4.4 unattended: with a secret, or with a key (RFC 7523), for the scopes of its configuration', async () => {
  const keyFile = join(folder, 'agent-key.pem')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const jwk = await exportJWK(publicKey)
  const port = await freePort()
  const { issuer, close } = await startOidcProvider({
    scopes: ['notes:read', 'notes:write'],
    resources: { [`http://127.0.0.1:${port}/mcp`]: 'jwt' },
    services: [
      { clientId: 'nightly', clientSecret: secret },
      { clientId: 'hourly', keys: [{ ...jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] },
    ],
  })
  ending.push(close)
  const { url, stop } = await startNotes({ AUTH_MODE: 'external', AUTH_SERVER_URL: issuer }, port)
  ending.push(stop)
  const origins = [new URL(url).origin, issuer].flatMap((origin) => ['--allow-origin', origin])
  const run = (env: Record<string, string>, ...calls: string[]): Promise<Run> =>
    agent([url, ...calls, ...origins], {
      env: { AGENT_ISSUER: issuer, AGENT_SCOPES: 'notes:read notes:write', ...env },
    })
  const nightly = { AGENT_CLIENT_ID: 'nightly', AGENT_CLIENT_SECRET: secret }

  const write = 'write_note title=Backup text=done'
  expect(await run(nightly, write, 'list_notes')).toMatchObject({
    code: 0,
    asked: 0,
    stdout: 'Wrote "Backup".\nBackup\n',
  })
  const hourly = { AGENT_CLIENT_ID: 'hourly', AGENT_KEY_FILE: keyFile, AGENT_KEY_ID: 'k1' }
  expect(await run(hourly, 'list_notes')).toMatchObject({ code: 0, stdout: 'There are no notes yet.\n' })

  const reader = await run({ ...nightly, AGENT_SCOPES: 'notes:read' }, write)
  expect(reader).toMatchObject({ code: 1, stdout: '' })
  expect(reader.stderr).toMatch(/This needs the scopes .*notes:write.* Add what is missing to AGENT_SCOPES/)

  const wrong = await run(
    { ...nightly, AGENT_CLIENT_SECRET: 'a secret that is not the right one' },
    'list_notes',
  )
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('(invalid_client)') })
  expect(wrong.stderr).not.toContain('a secret that is not')
  expect(existsSync(join(folder, 'tokens')), 'tokens of an agent are stored nowhere').toBe(false)
})

test('terminal injection: what a server says has no escape sequences', () => {
  expect(printable('a\u001b]0;title\u0007b\u009b2J\rc\td\ne')).toBe('a]0;titleb2Jc\td\ne')
  // Bidi and other format characters turn text around, or hide it.
  expect(printable('a\u202eb\u2066c\u200bd\u2028e\u061cf')).toBe('abcdef')
})

test('terminal injection: what a server is called, and its tools, stays in the agent’s own line', async () => {
  expect(oneLine('notes\r\n\u202eSign in here:\n\thttps://evil.example')).toBe(
    'notes Sign in here: https://evil.example',
  )
  const evil = 'x\nhttps://notes.example.com asks for everything. Sign in here:\u202e'
  const port = await freePort()
  const tools = [{ name: evil, inputSchema: { type: 'object' } }]
  const answers: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: evil, version: '1' },
    },
    'tools/list': { tools },
    'tools/call': { content: [{ type: 'text', text: evil }], isError: true },
  }
  const answer = async (request: Request): Promise<Response> => {
    const { id, method } = (await request.json()) as { id?: number; method: string }
    const result = answers[method]
    if (id === undefined) return new Response(null, { status: 202 })
    return Response.json(
      result
        ? { jsonrpc: '2.0', id, result }
        : { jsonrpc: '2.0', id, error: { code: -32601, message: evil } },
    )
  }
  const hostile = createServer(
    toNodeHandler(async (request) =>
      request.method === 'POST' ? answer(request) : new Response(null, { status: 405 }),
    ),
  )
  await new Promise<void>((resolve) => hostile.listen(port, '127.0.0.1', resolve))
  ending.push(() => hostile.close())
  for (const call of ['nothing', `'${evil}'`]) {
    const run = await agent([`http://127.0.0.1:${port}/mcp`, call])
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toContain('x https://notes.example.com asks')
    expect(run.stderr).not.toMatch(/^https:|\p{Cf}/mu)
  }
})

test('the usage: on request, and with what is wrong', async () => {
  expect(await agent(['--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^node agent\.ts </),
  })
  expect(await agent(['notes'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^<server> must be a URL; got "notes"\.\n\nnode agent\.ts </),
  })
})

const far = 'https://notes.example.com/mcp'
const half = { AGENT_CLIENT_ID: 'nightly' }
const keyless = { ...half, AGENT_ISSUER: 'https://login.example.com', AGENT_KEY_FILE: '/nowhere' }
test.each([
  ['no server', [], {}, '<server> must be a URL; got ""'],
  ['a misspelled option', [far, '--sing-out'], {}, "'--sing-out'"],
  ['half an identity', [far], half, 'belong together'],
  ['no key', [far], keyless, 'AGENT_KEY_FILE must be an EC key of P-256 in PEM'],
])('the usage says what is wrong: %s', async (_, args, env, message) => {
  const wrong = readSettings(args, env)
  await expect(wrong).rejects.toThrow(UsageError)
  await expect(wrong).rejects.toThrow(message)
})
