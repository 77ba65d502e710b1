// The conformance server as others use it: a process, its flags, HTTP.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { parseFlags } from '../../scripts/conformance-flags.ts'
import { clusterSuite } from '../support/conformance-cluster.ts'
import {
  advance,
  authorize,
  redeem,
  startConformanceServer,
  status,
  token,
  type Server,
} from '../support/conformance-process.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const step of ending.splice(0).reverse()) await step()
})

async function start(...flags: string[]): Promise<Server> {
  const server = await startConformanceServer(...flags)
  ending.push(server.stop)
  return server
}

const folder = mkdtempSync(join(tmpdir(), 'tollgate-conformance-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
clusterSuite('SQLite file', () => ['--store', 'sqlite', '--store-url', join(folder, `${files++}.db`)])

test('it is ready, serves both resources, and ends on SIGTERM', async () => {
  const server = await start()
  const { base, child, ended } = server
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
  expect(await advance(server, '{"advance":1}')).not.toBe(200)
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

test.each(['jwt', 'opaque'])('--tokens %s --test-controls: time passes on demand', async (kind) => {
  const server = await start('--tokens', kind, '--test-controls', '--default-resource', '/b/mcp')
  const { base } = server
  const tokens = await token(base, redeem(await authorize(base, {})))
  expect(tokens.access_token.split('.').length === 3).toBe(kind === 'jwt')
  expect(await status(`${base}/b/mcp`, tokens)).toBe(200)
  expect(await advance(server, '{"advance":1000}')).toBe(200)
  expect(await status(`${base}/b/mcp`, tokens)).toBe(401)
  for (const bad of ['{"advance":"x"}', '{"advance":1e400}', 'null', '{', ''])
    expect(await advance(server, bad)).toBe(400)
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

test('P11 --required-scopes: what each request needs', async () => {
  for (const [flag, allowed] of [
    ['notes:write', 403],
    ['notes:read,notes:write', 403],
    ['', 200],
  ] as const) {
    const { base } = await start('--required-scopes', flag)
    const parameters = { resource: `${base}/mcp`, scope: 'notes:read' }
    const tokens = await token(base, redeem(await authorize(base, parameters)))
    expect(await status(`${base}/mcp`, tokens), flag).toBe(allowed)
  }
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
  for (const [flag, value, reason] of [
    ['--issuer', 'http://192.0.2.1', '`issuer` must'],
    ['--deployment-secret', 'short', '`secret` must'],
    ['--default-resource', '/nowhere', '`defaultResource` must'],
  ] as const)
    await expect(start(flag, value)).rejects.toThrow(new RegExp(`^ended with 2: ${reason}`))
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
  expect(parseFlags([]).requiredScopes).toEqual(['notes:read'])
  expect(parseFlags(['--required-scopes', 'a b, c']).requiredScopes).toEqual(['a', 'b', 'c'])
  expect(parseFlags(['--required-scopes', '']).requiredScopes).toEqual([])
  expect(parseFlags(['--no-check-revocation']).checkRevocation).toBe(false)
  expect(parseFlags(['--check-revocation', '60']).checkRevocation).toBe(60)
})
