// `npx tollgate create` of the packed package on each host, which installs what the project declares; then README's commands; then the official SDK's client: it signs in and calls a tool.
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'
import { hashPassword } from '../../src/authorization-server/sign-in/password.ts'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { sdkSession } from '../../scripts/sdk-session.ts'
import { commandsIn, runCommand, startOutside, systemPath, type Outside } from '../support/create.ts'
import { githubImitation } from '../support/providers/github.ts'
import { alice } from '../support/providers/imitation.ts'
import { freePort } from '../support/runtime-port.ts'
import { bundle, startWorkerd } from '../support/runtime-workerd.ts'

let outside: Outside
const ending: (() => Promise<void>)[] = []
beforeAll(async () => {
  outside = await startOutside()
}, 120_000)
afterAll(() => outside.close())
afterEach(async () => {
  for (const close of ending.splice(0).reverse()) await close()
})

interface Made {
  folder: string
  port: number
  origin: string
  /** Shown once, if there is one. */
  password: string | undefined
}

let projects = 0
async function create(host: string, ...flags: string[]): Promise<Made> {
  const folder = join(outside.folder, `${host}-${++projects}`)
  const printed = await outside.tollgate(['create', folder, '--host', host, '--yes', ...flags].join(' '))
  const port = await freePort()
  const [, password] = /with the password (\S+)/.exec(printed) ?? []
  return { folder, port, origin: `http://127.0.0.1:${port}`, password }
}

/** Runs what README says. */
async function start(
  { folder, port }: Made,
  ready: RegExp,
  { more = '', variables = {} }: { more?: string; variables?: Record<string, string> } = {},
): Promise<void> {
  const commands = commandsIn(folder)
  const last = commands.pop()!
  const all = { ...outside.variables, ...variables }
  for (const command of commands) await runCommand(command, folder, all)
  const { close } = await runCommand(last + more, folder, { ...all, PORT: String(port) }, ready)
  ending.push(close)
}

/** Fills in what the file leaves to the user. */
function fillIn(file: string, values: Readonly<Record<string, string>>): void {
  let text = readFileSync(file, 'utf8')
  for (const [name, value] of Object.entries(values)) {
    expect(text).toMatch(new RegExp(`^${name}=`, 'm'))
    text = text.replace(new RegExp(`^${name}=.*$`, 'm'), () => `${name}=${value}`)
  }
  writeFileSync(file, text)
}

/** The client is sent to sign in, signs in, writes a note and reads it; beside the MCP server nothing is guarded. */
async function useNotes(
  { origin, password }: Pick<Made, 'origin' | 'password'>,
  answers: Record<string, string> = {},
  send: (request: Request) => Promise<Response> = fetch,
): Promise<void> {
  const url = new URL(`${origin}/mcp`)
  const session = sdkSession('A client')
  const visit = { send, answers: password === undefined ? answers : { username: 'owner', password } }
  const options = {
    authProvider: session.provider,
    fetch: (input: string | URL, init?: RequestInit) => send(new Request(input, init)),
  }
  const connect = async (): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(new StreamableHTTPClientTransport(url, options))
    return client
  }
  const first = new StreamableHTTPClientTransport(url, options)
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(first)).rejects.toThrow(
    UnauthorizedError,
  )
  await first.finishAuth(await session.signIn(visit))
  const client = await connect()
  const call = async (name: string, args: Record<string, string> = {}): Promise<string> => {
    const { content } = await client.callTool({ name, arguments: args })
    return (content as unknown as [{ text: string }])[0].text
  }
  expect(await call('write_note', { title: 'First', text: 'Hello' })).toBe('Wrote "First".')
  expect(await call('read_note', { title: 'First' })).toBe('Hello')
  await client.close()
  // U15: only the MCP server's path is guarded.
  const elsewhere = await send(new Request(`${origin}/nothing`))
  expect(elsewhere.status).toBe(404)
  await elsewhere.body?.cancel()
}

/** On Node: a second start, while the first one runs. */
async function expectPortInUse({ folder, port }: Made, path = outside.variables['PATH']!): Promise<void> {
  const again = runCommand('node --env-file=.env dist/server.js', folder, { PORT: String(port), PATH: path })
  const error = (await again.catch((error: Error) => error)) as Error
  expect(error.message).toContain(`ended with 1:\nPort ${port} is in use. Set PORT to another one`)
  expect(error.message).not.toContain('    at ')
}

test('create node: a password, grants in SQLite', { timeout: 180_000 }, async () => {
  const made = await create('node', '--store', 'sqlite')
  await start(made, /Notes at /)
  await useNotes(made)
  await expectPortInUse(made)
  for (const PUBLIC_URL of ['notes.example.com', 'localhost:8787', 'https://notes.example.com/?a'])
    await expect(
      runCommand('node --env-file=.env dist/server.js', made.folder, { PUBLIC_URL }),
    ).rejects.toThrow(`PUBLIC_URL must be a URL such as https://notes.example.com; got "${PUBLIC_URL}"`)
  await expect(useNotes({ ...made, password: 'not the password of the owner' })).rejects.toThrow()
})

/** What git has of a project, with the example file copied. */
function clone(folder: string): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' })
  git('init', '--quiet')
  const target = join(outside.folder, `clone-${++projects}`)
  for (const path of git('ls-files', '--others', '--exclude-standard', '-z').split('\0'))
    if (path !== '' && !path.startsWith('node_modules')) cpSync(join(folder, path), join(target, path))
  copyFileSync(join(target, '.env.example'), join(target, '.env'))
  return target
}

test(
  'create node: a fresh clone with its example file copied and the empty variables filled in is one that a ' +
    'client connects to',
  { timeout: 180_000 },
  async () => {
    const made = await create('node', '--store', 'memory')
    const folder = clone(made.folder)
    const [variable, password] = ['OWNER_PASSWORD_HASH', 'the password of a second developer']
    const empty = [...readFileSync(join(folder, '.env'), 'utf8').matchAll(/^(\w+)=$/gm)].map(
      ([, name]) => name,
    )
    expect(empty).toEqual(['TOLLGATE_SECRET', variable])
    fillIn(join(folder, '.env'), {
      TOLLGATE_SECRET: 'x'.repeat(44),
      [variable]: await hashPassword(password),
    })
    await start({ ...made, folder }, /Notes at /)
    await useNotes({ ...made, password })
  },
)

test('create workers: a password, grants in Durable Objects', { timeout: 180_000 }, async () => {
  const made = await create('workers')
  fillIn(join(made.folder, '.dev.vars'), { PUBLIC_URL: made.origin })
  await start(made, /Ready on/, { more: ` -- --port ${made.port} --inspector-port 0` })
  await useNotes(made)
})

test('create deno: a password, grants in Deno KV', { timeout: 180_000 }, async () => {
  const made = await create('deno')
  await start(made, /Notes at /)
  await useNotes(made)
})

test('create bun: a password, grants in SQLite', { timeout: 180_000 }, async () => {
  const made = await create('bun')
  await start(made, /Notes at /)
  await useNotes(made)
})

test('create next: the application’s own login', { timeout: 180_000 }, async () => {
  const made = await create('next', '--auth', 'own-login', '--store', 'memory')
  await start(made, /Ready in/)
  await useNotes(made)
})

test('create hono: sign-in at an identity provider', { timeout: 180_000 }, async () => {
  const made = await create('hono', '--provider', 'oidc', '--store', 'memory')
  const client = { clientId: 'notes', clientSecret: 'a-secret-of-the-identity-provider' }
  const { issuer, close } = await startOidcProvider({
    scopes: ['profile', 'email'],
    resources: {},
    client: { ...client, redirectUri: redirectUriIn(made.folder, made.origin) },
  })
  ending.push(close)
  fillIn(join(made.folder, '.env'), {
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: client.clientId,
    OIDC_CLIENT_SECRET: client.clientSecret,
    ALLOWED_USERS: 'id:ada, id:demo',
  })
  await start(made, /Notes at /)
  await useNotes(made)
  await expect(useNotes(made, { login: 'mallory' })).rejects.toThrow('access_denied')
})

test('create hono: a password, grants in SQLite', { timeout: 180_000 }, async () => {
  const made = await create('hono', '--store', 'sqlite')
  // A slash at its end is taken away.
  await start(made, /Notes at \S+\d\/mcp/, { variables: { PUBLIC_URL: `${made.origin}/` } })
  await useNotes(made)
  await expectPortInUse(made)
})

/** What README tells its reader to register at the provider. */
function redirectUriIn(folder: string, origin: string): string {
  const [, path] = /`<PUBLIC_URL>(\/[^`]+)`/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))!
  return origin + path
}

const namesOf = (bindings: readonly { binding: string }[]): string[] => bindings.map(({ binding }) => binding)

test('create workers: sign-in at GitHub, only for those who are allowed', { timeout: 180_000 }, async () => {
  const { folder, origin } = await create('workers', '--provider', 'github', '--store', 'd1', '--no-install')
  await runCommand('npm install --omit=dev', folder, outside.variables)
  const github = githubImitation({ callback: redirectUriIn(folder, origin).replace('/github', '') })
  const { main, d1_databases, kv_namespaces, compatibility_date, compatibility_flags } = readConfig({
    config: join(folder, 'wrangler.toml'),
  })
  const miniflare = await startWorkerd({
    modules: true,
    script: await bundle(main!),
    compatibilityDate: compatibility_date!,
    compatibilityFlags: compatibility_flags,
    kvNamespaces: namesOf(kv_namespaces),
    d1Databases: namesOf(d1_databases),
    bindings: {
      PUBLIC_URL: origin,
      TOLLGATE_SECRET: 'a deployment secret for tests, of forty bytes',
      GITHUB_CLIENT_ID: github.client.id,
      GITHUB_CLIENT_SECRET: github.client.secret!,
      ALLOWED_USERS: 'octocat',
    },
    outboundService: async (request: Request) => github.handle(new Request(request.url, request)),
  } as never)
  ending.push(() => miniflare.dispose())
  /** The internet of this test: the Worker and GitHub. */
  const send = async (request: Request): Promise<Response> => {
    const { url, method, headers } = request
    if (new URL(url).origin !== origin) return github.handle(request)
    const body = method === 'GET' || method === 'HEAD' ? undefined : await request.arrayBuffer()
    const init = { method, headers: Object.fromEntries(headers), redirect: 'manual', ...(body && { body }) }
    return (await miniflare.dispatchFetch(url, init as never)) as unknown as Response
  }
  github.user = { ...alice, login: 'octocat' }
  await useNotes({ origin, password: undefined }, {}, send)
  github.user = { ...alice, login: 'mallory' }
  await expect(useNotes({ origin, password: undefined }, {}, send)).rejects.toThrow('access_denied')
})

test(
  'create express: an authorization server that issues the tokens, on the Node of this machine',
  { timeout: 180_000 },
  async () => {
    const made = await create('express', '--auth', 'external', '--provider', 'oidc')
    const { issuer, close } = await startOidcProvider({
      scopes: ['notes:read', 'notes:write'],
      resources: { [`${made.origin}/mcp`]: 'jwt' },
    })
    ending.push(close)
    fillIn(join(made.folder, '.env'), { OIDC_ISSUER: issuer })
    await start(made, /Notes at /, { variables: { PATH: systemPath } })
    await useNotes(made)
    await expectPortInUse(made, systemPath)
  },
)
