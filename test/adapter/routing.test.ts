// Several resources behind the router of each host.
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { authOf, guard as expressGuard } from '../../src/adapter/express.ts'
import { guard as honoGuard } from '../../src/adapter/hono.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createResourceServer } from '../../src/index.ts'
import { bin, program } from '../support/runtime-hosts.ts'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'
import { handlerOf, places, routedHandler, routedServer } from './routing-app.ts'
import { routingSuite } from './routing.suite.ts'
import type { Start } from './adapter.suite.ts'

const listening =
  (listener: (url: string, keys: { keys: object[] }) => RequestListener): Start =>
  async (url, keys) => {
    const server = createServer(listener(url, keys)).listen(Number(new URL(url).port), '127.0.0.1')
    await once(server, 'listening')
    return {
      close() {
        server.close()
        server.closeAllConnections()
      },
    }
  }

routingSuite(
  'tollgate/node',
  listening((url, keys) => toNodeHandler(routedHandler(routedServer(url, keys)))),
)

routingSuite(
  'tollgate/express',
  listening((url, keys) => {
    const rs = routedServer(url, keys)
    const app = express()
    for (const path of [...places].reverse())
      app.use(path, expressGuard(rs, { resource: url + path }), async (req, res) => {
        res.json(await handlerOf(path)(undefined as never, authOf(req)).json())
      })
    return app
  }),
)

routingSuite(
  'tollgate/hono',
  listening((url, keys) => {
    const rs = routedServer(url, keys)
    const app = new Hono()
    for (const path of [...places].reverse()) {
      const guarded = honoGuard(rs, { resource: url + path })
      for (const pattern of [path, `${path}/*`])
        app.all(pattern, guarded, (c) => handlerOf(path)(c.req.raw, c.var.auth))
    }
    return getRequestListener(app.fetch)
  }),
)

routingSuite(
  'tollgate/workers',
  async (url, keys) => {
    const miniflare = await startWorkerd({
      ...compatibility,
      script: await bundle(join(import.meta.dirname, 'routing-worker.ts')),
      bindings: { URL: url, KEYS: JSON.stringify(keys) },
      port: Number(new URL(url).port),
    })
    return { close: () => miniflare.dispose() }
  },
  // Of Miniflare’s own making.
  { malformedHosts: false },
)

const programs: [name: string, command: string[], variables: Record<string, string>][] = [
  ['Deno.serve', [bin('deno'), 'run', '-A', 'test/adapter/routing-host.ts'], {}],
  ['Bun.serve', [bin('bun'), 'test/adapter/routing-host.ts'], {}],
  [
    'Deno.serve, Hono behind the guard',
    [bin('deno'), 'run', '-A', 'test/adapter/routing-host.ts'],
    { ROUTES: 'hono' },
  ],
  ['Bun.serve, Hono behind the guard', [bin('bun'), 'test/adapter/routing-host.ts'], { ROUTES: 'hono' }],
  ['Bun.serve with routes', [bin('bun'), 'test/adapter/routing-host.ts'], { ROUTES: '1' }],
]
for (const [name, command, variables] of programs)
  routingSuite(name, async (url, keys) => ({
    close: await program(command)({
      port: Number(new URL(url).port),
      variables: { PUBLIC_URL: url, KEYS: JSON.stringify(keys), ...variables },
    }),
  }))

const several = createResourceServer({
  resource: places.map((path) => ({ resource: `https://notes.example.com${path}` })),
  authorizationServers: ['https://as.example.com'],
})
const hosts = createResourceServer({
  resource: [{ hosts: ['a.example.com', 'b.example.com'], path: '/mcp' }],
  authorizationServers: ['https://as.example.com'],
})

test.each([
  ['express', expressGuard],
  ['hono', honoGuard],
])('S2, T19 tollgate/%s: with several resources, guard(rs) demands which one this route is', (_, guard) => {
  for (const need of [undefined, { scopes: ['notes:read'] }])
    expect(() => guard(several, need)).toThrow(ConfigurationError)
  expect(() => guard(several)).toThrow(/`need\.resource` must .*"https:\/\/notes\.example\.com\/notes\/mcp"/)
  guard(several, { resource: 'https://notes.example.com/mail/mcp' })
  expect(() => guard({} as never)).toThrow('`guard` must get what createResourceServer() returns')
  expect(() => guard(undefined as never)).toThrow('`guard` must get what createResourceServer() returns')
  // Where they differ by host alone, no router can mix them up.
  guard(hosts)
})

test('T19 below Hono’s mount() the handler takes tokens of its own resource alone', async () => {
  const rs = createResourceServer({
    resource: ['/mcp', '/notes/mcp'].map((path) => ({ resource: `https://notes.example.com${path}` })),
    authorizationServers: ['https://as.example.com'],
  })
  const mounted = new Hono().all(
    '/mcp',
    honoGuard(rs, { resource: 'https://notes.example.com/notes/mcp' }),
    (c) => c.text('in'),
  )
  const app = new Hono().mount('/notes', mounted.fetch)
  const response = await app.request('https://notes.example.com/notes/mcp', { method: 'POST' })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('oauth-protected-resource/notes/mcp'),
  ])
})
