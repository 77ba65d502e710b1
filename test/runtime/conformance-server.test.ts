// The conformance server as others use it: a process, its flags, HTTP.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { parseFlags } from '../../scripts/conformance-flags.ts'
import { freePort } from '../support/runtime-port.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

const script = join(import.meta.dirname, '../../scripts/conformance-server.ts')
const verifier = 'a-verifier-that-is-long-enough-for-the-rule-of-43'
const redirect = 'http://127.0.0.1:4100/callback'
const deploymentSecret = 'one deployment, two instances, one secret'

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const step of ending.splice(0).reverse()) await step()
})

interface Server {
  child: ChildProcess
  base: string
  ended: Promise<number | null>
}

async function start(...flags: string[]): Promise<Server> {
  const child = spawn(process.execPath, [script, '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  ending.push(() => (child.kill('SIGTERM'), ended))
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    void ended.then((code) => reject(new Error(`ended with ${code}: ${errors}`)))
  })
  return { child, base, ended }
}

const challenge = async (): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url')

/** From the front page to the code; `at`: where the user's browser goes. */
async function authorize(at: string, parameters: Record<string, string>): Promise<string> {
  const url = new URL('/authorize', at)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: 'conformance-public',
    redirect_uri: redirect,
    code_challenge: await challenge(),
    code_challenge_method: 'S256',
    ...parameters,
  }).toString()
  const { searchParams } = await browse(url, redirect)
  expect(searchParams.get('error')).toBeNull()
  return searchParams.get('code')!
}

interface Tokens {
  access_token: string
  refresh_token: string
  error?: string
}

async function token(at: string, parameters: Record<string, string>, headers = {}): Promise<Tokens> {
  const body = new URLSearchParams({ ...parameters })
  return (await fetch(new URL('/token', at), { method: 'POST', body, headers })).json() as Promise<Tokens>
}

const redeem = (code: string): Record<string, string> => ({
  grant_type: 'authorization_code',
  client_id: 'conformance-public',
  redirect_uri: redirect,
  code_verifier: verifier,
  code,
})

const ping = {
  method: 'POST',
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'list_notes', arguments: {} },
  }),
}

async function status(url: string, { access_token }: Tokens): Promise<number> {
  const headers = {
    authorization: `Bearer ${access_token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const response = await fetch(url, { ...ping, headers })
  await response.text()
  return response.status
}

test('it is ready, serves both resources, and ends on SIGTERM', async () => {
  const { base, child, ended } = await start()
  expect((await fetch(`${base}/healthz`)).status).toBe(200)
  for (const path of ['/mcp', '/b/mcp']) {
    const response = await fetch(`${base}/.well-known/oauth-protected-resource${path}`)
    expect(await response.json()).toMatchObject({ resource: base + path, authorization_servers: [base] })
    expect((await fetch(base + path)).status).toBe(401)
  }
  const tokens = await token(
    base,
    redeem(await authorize(base, { resource: `${base}/mcp`, scope: 'notes:read' })),
  )
  expect(await status(`${base}/mcp`, tokens)).toBe(200)
  expect(await status(`${base}/b/mcp`, tokens)).toBe(401)
  expect((await fetch(`${base}/__test/clock`, { method: 'POST', body: '{"advance":1}' })).status).not.toBe(
    200,
  )
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('the confidential client has the secret of the flag', async () => {
  const { base } = await start('--secret', 'twenty characters!!!', '--default-resource', '/mcp')
  const code = await authorize(base, { client_id: 'conformance-confidential' })
  const { client_id: _, ...rest } = redeem(code)
  const basic = (secret: string): Record<string, string> => ({
    authorization: `Basic ${btoa(`conformance-confidential:${secret}`)}`,
  })
  expect((await token(base, rest, basic('another secret, just as long as it'))).error).toBe('invalid_client')
  const tokens = await token(base, rest, basic('twenty characters!!!'))
  expect(tokens.error).toBeUndefined()
  expect(await status(`${base}/mcp`, tokens)).toBe(200)
})

test('two instances that share store, issuer and secret are one deployment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-conformance-'))
  ending.push(() => rmSync(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const shared = ['--store', 'sqlite', '--store-url', join(folder, 'shared.db')]
  shared.push('--deployment-secret', deploymentSecret, '--issuer', `http://127.0.0.1:${port}`)
  const [one, two] = [await start(...shared, '--port', port), await start(...shared)]
  const code = await authorize(one.base, { resource: `${one.base}/mcp`, scope: 'notes:read' })
  const tokens = await token(two.base, redeem(code))
  expect(await status(`${one.base}/mcp`, tokens)).toBe(200)
  expect(await status(`${two.base}/mcp`, tokens)).toBe(200)
  expect((await token(one.base, redeem(code))).error).toBe('invalid_grant')
})

test.each(['jwt', 'opaque'])('--tokens %s --test-controls: time passes on demand', async (kind) => {
  const { base } = await start('--tokens', kind, '--test-controls', '--default-resource', '/b/mcp')
  const tokens = await token(base, redeem(await authorize(base, {})))
  expect(tokens.access_token.split('.').length === 3).toBe(kind === 'jwt')
  expect(await status(`${base}/b/mcp`, tokens)).toBe(200)
  const body = JSON.stringify({ advance: 1000 })
  expect((await fetch(`${base}/__test/clock`, { method: 'POST', body })).status).toBe(200)
  expect(await status(`${base}/b/mcp`, tokens)).toBe(401)
  for (const bad of ['{"advance":"x"}', '{"advance":1e400}', 'null', '{', ''])
    expect((await fetch(`${base}/__test/clock`, { method: 'POST', body: bad })).status).toBe(400)
})

test('--external: the resource server alone, with its keys fetched through --outbound', async () => {
  const as = await start()
  const asked: string[] = []
  const proxy = createServer((incoming, outgoing) => {
    const url = String(incoming.headers['x-original-url'])
    asked.push(url)
    void fetch(url).then(async (response) => {
      outgoing.writeHead(response.status, { 'content-type': 'application/json' })
      outgoing.end(await response.text())
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  ending.push(() => proxy.close())
  const outbound = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const rs = await start('--external', as.base, '--issuer', as.base, '--outbound', outbound)
  expect((await fetch(`${rs.base}/token`, { method: 'POST' })).status).not.toBe(200)
  const tokens = await token(
    as.base,
    redeem(await authorize(as.base, { resource: `${as.base}/mcp`, scope: 'notes:read' })),
  )
  expect(await status(`${rs.base}/mcp`, tokens)).toBe(200)
  expect(asked).toEqual([`${as.base}/.well-known/oauth-authorization-server`, `${as.base}/jwks.json`])
})

test('--introspection: opaque tokens of another instance', async () => {
  const as = await start('--tokens', 'opaque')
  const rs = await start(
    ...['--external', as.base, '--issuer', as.base, '--introspection', `${as.base}/introspect`],
  )
  for (const path of ['/mcp', '/b/mcp']) {
    const parameters = { resource: as.base + path, scope: 'notes:read' }
    const tokens = await token(as.base, redeem(await authorize(as.base, parameters)))
    expect(await status(rs.base + path, tokens)).toBe(200)
    expect(await status(rs.base + (path === '/mcp' ? '/b/mcp' : '/mcp'), tokens)).toBe(401)
  }
})

test('a wrong flag ends it with the reason', async () => {
  await expect(start('--stoer', 'memory')).rejects.toThrow(/^ended with 2: .*--stoer/s)
})

test.each([
  ['--store', 'cloudflare-kv'],
  ['--store', 'sqlite'],
  ['--tokens', 'paseto'],
  ['--check-revocation', '-1'],
  ['--port', '70000'],
  ['--introspection', 'http://127.0.0.1:1/introspect'],
])('a wrong flag is named: %s %s', (flag, value) => {
  expect(() => parseFlags([`${flag}=${value}`])).toThrow(flag)
})

test('the defaults are the documented ones', () => {
  expect(parseFlags([])).toMatchObject({ port: 4000, store: 'memory', tokens: 'jwt', checkRevocation: 0 })
  expect(parseFlags(['--no-check-revocation']).checkRevocation).toBe(false)
  expect(parseFlags(['--check-revocation', '60']).checkRevocation).toBe(60)
})
