// Where a client may be sent, and what of a URL may be told.
import { describe, expect, test } from 'vitest'
import { createClient, pasteRedirect, type ClientOptions, type Redirect } from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, resource, type World } from '../support/client-world.ts'

const web = 'https://app.test/callback'
const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

describe('T4 CL2 the URL of the MCP server is judged before the first byte (SSRF)', () => {
  const inside = [
    'http://127.0.0.1:9000/_admin',
    'https://localhost/mcp',
    'http://[::1]/mcp',
    'http://10.0.0.1/mcp',
    'https://192.168.1.1/mcp',
    'http://169.254.169.254/latest/meta-data',
    'https://metadata.google.internal/',
    'https://[::ffff:127.0.0.1]/mcp',
    'http://mcp.test/mcp',
    'https://intranet/mcp',
    'http://2130706433/mcp',
  ]
  const hosts: [string, Pick<ClientOptions, 'redirect'>][] = [
    ['a host on the web', { redirect: web }],
    ['a redirect object that ends on the web', { redirect: pasteRedirect({ uri: web, ask: () => '' }) }],
    ['a client without a user', {}],
  ]
  describe.each(hosts)('T4 %s', (_, redirect) => {
    test.each(inside)('T4 %s', async (url) => {
      const world = createWorld()
      world.on(url, { secret: 'inside' })
      const client = createClient({ fetch: world.fetch, clock: world.clock, ...redirect })
      await expect(client.fetch(url, { method: 'POST', body: '{}' })).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('dangerouslyAllowOrigins'),
      })
      await expect(client.authorize(url)).rejects.toMatchObject({ code: 'invalid_request' })
      if ('redirect' in redirect)
        expect(() => toOAuthClientProvider(client, url)).toThrow('dangerouslyAllowOrigins')
      expect(world.seen).toEqual([])
    })
  })

  const native: [string, string | Redirect | undefined][] = [
    ['a loopback URL', 'http://127.0.0.1:7000/callback'],
    ['a listener that tells its URL later', undefined],
    ['a pasted loopback URL', pasteRedirect({ uri: 'http://localhost:7000/callback', ask: () => '' })],
    ['an app of its own scheme', pasteRedirect({ uri: 'com.example.app:/callback', ask: () => '' })],
  ]
  test.each(native)('T4 %s: servers on this machine, and no others', async (_, redirect) => {
    const world = createWorld()
    world.on('http://127.0.0.1:9000/mcp', { ok: true })
    const client = clientFor(world, redirect === undefined ? {} : { redirect })
    expect((await client.fetch('http://127.0.0.1:9000/mcp')).status).toBe(200)
    const loopback = /127\.0\.0\.1:|localhost|::1\]\/|2130706433/
    for (const url of inside.filter((each) => !loopback.test(each) || each.includes('ffff')))
      await expect(client.fetch(url)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(world.seen).toHaveLength(1)
  })

  test('T4 dangerouslyAllowOrigins lets that very origin through', async () => {
    const world = createWorld()
    const url = 'http://127.0.0.1:9000/mcp'
    world.on(url, { ok: true })
    const client = clientFor(world, { redirect: web, dangerouslyAllowOrigins: ['http://127.0.0.1:9000'] })
    expect((await client.fetch(url)).status).toBe(200)
    await expect(client.fetch('http://127.0.0.1:9001/mcp')).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

test('T16 no event and no error has the query of the MCP URL', async () => {
  const world = createWorld()
  const told: string[] = []
  const client = clientFor(world, { onEvent: (event) => void told.push(JSON.stringify(event)) })
  const url = `${resource}?api_key=topsecret`
  await client.fetch(url)
  const next = 'https://next.test'
  world.prm['authorization_servers'] = [next]
  world.metadata['issuer'] = next
  world.tokens.clear()
  world.on(`${next}/.well-known/oauth-authorization-server`, () => Response.json(world.metadata))
  const failed: unknown = await client.fetch(url).catch((reason: unknown) => reason)
  await client.signOut(url)
  const blocked: unknown = await clientFor(world)
    .fetch('http://10.0.0.1/mcp?api_key=topsecret')
    .catch((reason: unknown) => reason)
  expect(told.join('\n')).toContain('client.authorized')
  expect(told.join('\n')).toContain('client.issuer-changed')
  expect(told.join('\n')).toContain('client.signed-out')
  expect([...told, String(failed), String(blocked)].join('\n')).not.toContain('topsecret')
})
