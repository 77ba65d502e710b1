// examples/modes, as its user runs it: one program, with tokens of its own, with JWTs and with opaque tokens.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { hashPassword } from '../../src/authorization-server/sign-in/password-hash.ts'
import { listen } from '../support/example-program.ts'
import { program } from '../support/runtime-hosts.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

const example = join(import.meta.dirname, '../../examples/modes')
const start = program([process.execPath, 'examples/modes/server.ts'])

type Variables = Record<string, string>
const password = 'correct horse battery staple'
const introspector = { clientId: 'notes-server', clientSecret: 'a secret for tests, long enough to be one' }
let folder: string
/** All that the internal mode needs. */
let own: Variables
beforeAll(async () => {
  await install('examples/modes', { dev: false })
  folder = mkdtempSync(join(tmpdir(), 'tollgate-modes-'))
  writeFileSync(join(folder, 'no.db'), 'this is a file, and no database '.repeat(40))
  own = {
    AUTH_MODE: 'internal',
    TOLLGATE_SECRET: 'a secret for tests, long enough to be one',
    OWNER_PASSWORD_HASH: await hashPassword(password),
    DATABASE: join(folder, 'tollgate.db'),
  }
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the official SDK signs in and calls tools, and only AUTH_MODE says where', () => {
  const ending: (() => unknown)[] = []
  const tokens: Record<string, string> = {}
  let port: number
  let url: URL
  let jwt: Variables
  let opaque: Variables
  beforeAll(async () => {
    port = await freePort()
    url = new URL(`http://127.0.0.1:${port}/mcp`)
    const common = { scopes: ['notes:read', 'notes:write'], introspector }
    const [jwts, opaques] = await Promise.all([
      startOidcProvider({ ...common, resources: { [url.href]: 'jwt' } }),
      startOidcProvider({ ...common, resources: { [url.href]: 'opaque' } }),
    ])
    ending.push(jwts.close, opaques.close)
    jwt = { ...own, AUTH_MODE: 'external', AUTH_SERVER_URL: jwts.issuer }
    opaque = {
      ...own,
      AUTH_MODE: 'external',
      AUTH_SERVER_URL: opaques.issuer,
      INTROSPECTION_URL: `${opaques.issuer}/token/introspection`,
      INTROSPECTION_CLIENT_ID: introspector.clientId,
      INTROSPECTION_CLIENT_SECRET: introspector.clientSecret,
    }
  })
  afterAll(async () => {
    for (const end of ending) await end()
  })

  test.each([
    ['internal', 'nonsense'],
    ['jwt', 'internal'],
    ['opaque', 'jwt'],
    ['internal', 'opaque'],
  ])('%s; a token of the mode before (%s) is refused', async (mode, before) => {
    const variables = { internal: { ...jwt, AUTH_MODE: 'internal' }, jwt, opaque }[mode]!
    const stop = await start({ port, variables })
    try {
      const session = sdkSession('A client')
      await connect(url, session)
      const kept = tokens[mode]
      if (kept) expect(await statusOf(url, kept), 'grants and keys survive a restart').toBe(200)
      tokens[mode] = session.provider.tokens()!.access_token
      expect(await statusOf(url, tokens[mode])).toBe(200)
      expect(await statusOf(url, tokens[before] ?? before)).toBe(401)
      const page = await fetch(new URL('/', url))
      expect([page.status, await page.text()]).toEqual([404, `The MCP server is at ${url.href}\n`])
    } finally {
      await stop()
    }
  })
})

/** Signs in, writes a note and reads it. */
async function connect(url: URL, session: SdkSession): Promise<void> {
  const open = () => new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  const first = open()
  const refused = new Client({ name: 'test', version: '1.0.0' }).connect(first)
  await expect(refused).rejects.toThrow(UnauthorizedError)
  await first.finishAuth(await session.signIn({ name: 'owner', answers: { password } }))
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(open())
  const text = async (name: string, args: Variables): Promise<unknown> =>
    (await client.callTool({ name, arguments: args })).content
  await text('write_note', { title: 'Milk', text: 'two bottles' })
  expect(await text('read_note', { title: 'Milk' })).toEqual([{ type: 'text', text: 'two bottles' }])
  await client.close()
}

async function statusOf(url: URL, token: string): Promise<number> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  }
  const response = await fetch(url, { method: 'POST', headers, body })
  await response.body?.cancel()
  return response.status
}

const external = { AUTH_MODE: 'external', AUTH_SERVER_URL: 'https://login.example.com' }
const ours = 'a secret that no message may show'
// An empty value is one that the user has not filled in yet.
test.each<[variable: string, what: string, () => Variables]>([
  ['AUTH_MODE', 'nothing', () => ({})],
  ['AUTH_MODE', '"Internal"', () => ({ ...own, AUTH_MODE: 'Internal' })],
  ['TOLLGATE_SECRET', 'must be set', () => ({ ...own, TOLLGATE_SECRET: ' ' })],
  ['TOLLGATE_SECRET', 'at least 32 bytes; got 8', () => ({ ...own, TOLLGATE_SECRET: 'changeme' })],
  ['OWNER_PASSWORD_HASH', 'must be set', () => ({ ...own, OWNER_PASSWORD_HASH: '' })],
  ['OWNER_PASSWORD_HASH', 'cannot be used', () => ({ ...own, OWNER_PASSWORD_HASH: ours })],
  ['DATABASE', 'cannot be used', () => ({ ...own, DATABASE: '/nowhere/tollgate.db' })],
  ['DATABASE', 'cannot be used', () => ({ ...own, DATABASE: join(folder, 'no.db') })],
  ['AUTH_SERVER_URL', 'must be set', () => ({ ...own, AUTH_MODE: 'external' })],
  ['AUTH_SERVER_URL', 'must be an https URL', () => ({ ...external, AUTH_SERVER_URL: 'login.example.com' })],
  ['AUTH_SERVER_URL', 'https', () => ({ ...external, AUTH_SERVER_URL: 'http://login.example.com' })],
  [
    'AUTH_SERVER_URL',
    'cannot be used',
    () => ({ ...external, AUTH_SERVER_URL: 'https://login.example.com/#a' }),
  ],
  ['INTROSPECTION_URL', 'CLIENT_SECRET', () => ({ ...external, INTROSPECTION_CLIENT_SECRET: ours })],
  [
    'INTROSPECTION_CLIENT_ID',
    'URL',
    () => ({ ...external, INTROSPECTION_URL: 'https://login.example.com/i' }),
  ],
  [
    'INTROSPECTION_URL',
    'must be an https URL',
    () => ({
      ...external,
      INTROSPECTION_URL: 'http://login.example.com/i',
      INTROSPECTION_CLIENT_ID: 'notes',
      INTROSPECTION_CLIENT_SECRET: ours,
    }),
  ],
  ['PORT', '"70000"', () => ({ ...own, PORT: '70000' })],
  ['PUBLIC_URL', '"http://notes.example.com"', () => ({ ...own, PUBLIC_URL: 'http://notes.example.com' })],
  ['PUBLIC_URL', 'slash', () => ({ ...own, PUBLIC_URL: 'https://notes.example.com/' })],
])('a wrong environment is refused, and the message names the variable: %s, %s', async (name, what, env) => {
  // By path: a fresh clone is type-checked before the example's own packages are installed.
  const { readSettings, SettingError } = await import(join(example, 'settings.ts'))
  const { createAuth } = await import(join(example, 'auth.ts'))
  const make = (): unknown => createAuth(readSettings(env()))
  expect(make).toThrow(SettingError)
  expect(make).toThrow(new RegExp(`^${name} .*${what}`))
  expect(make).not.toThrow(ours)
})

test('it ends with 1 and a sentence, without a stack', async () => {
  expect(await run({})).toEqual({
    code: 1,
    output: 'AUTH_MODE must be "internal" or "external"; got nothing\n',
  })
  const other = await listen((_request, response) => response.end())
  expect(await run({ ...external, PORT: other.url.port })).toEqual({
    code: 1,
    output: `PORT ${other.url.port} is used by another program\n`,
  })
  await other.close()
})

test('each variable is in an example file; a copy of it names the first that is still empty', async () => {
  const { readSettings } = await import(join(example, 'settings.ts'))
  const read = (file: string): string => readFileSync(join(example, file), 'utf8')
  const files = ['.env.internal.example', '.env.external.example'].map(read)
  const named = files.flatMap((text) => [...text.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name))
  const used = [...read('settings.ts').matchAll(/'([A-Z]+(?:_[A-Z]+)*)'/g)].map(([, name]) => name!)
  expect(used).toContain('TOLLGATE_SECRET')
  // HOST is for containers: README has it.
  expect(new Set(used.filter((name) => name !== 'HOST'))).toEqual(new Set(named))
  expect(() => readSettings(parseEnv(files[0]!))).toThrow(/^TOLLGATE_SECRET must be set/)
  expect(() => readSettings(parseEnv(files[1]!))).toThrow(/^AUTH_SERVER_URL must be set/)
})

async function run(env: Variables): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(example, 'server.ts')], {
    env: { NODE_NO_WARNINGS: '1', ...env },
    stdio: 'pipe',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}
