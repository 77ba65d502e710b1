// Next as a built and started application.
import { beforeAll, expect, test, vi } from 'vitest'
import { guard, routes } from '../../src/adapter/next.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createResourceServer } from '../../src/index.ts'
import { buildNext, startNext } from '../support/runtime-next.ts'
import { routingSuite } from './routing.suite.ts'
import { adapterSuite, freePort } from './adapter.suite.ts'

beforeAll(() => buildNext('test/support/next-app'), 300_000)

adapterSuite(
  'tollgate/next',
  async (url, keys) => {
    return startNext('test/support/next-app', Number(new URL(url).port), {
      SUITE_URL: url,
      SUITE_KEYS: JSON.stringify(keys),
    })
  },
  { drains: false, rewritesQuery: true },
)

routingSuite('tollgate/next, nested resources', async (url, keys) =>
  startNext('test/support/next-app', Number(new URL(url).port), {
    SUITE_URL: url,
    SUITE_KEYS: JSON.stringify(keys),
  }),
)

test('U4 routes() and guard() make the servers at the first request, once; what failed is tried again', async () => {
  let ready = false
  const rs = vi.fn(() => {
    if (!ready) throw new Error('no secret yet')
    return createResourceServer({
      resource: 'https://notes.example.com/mcp',
      authorizationServers: ['https://as.example.com'],
    })
  })
  const handler = vi.fn(() => new Response('in'))
  const { GET } = guard(rs, handler)
  const { OPTIONS } = routes(() => [rs()])
  expect(rs).not.toHaveBeenCalled()
  const request = new Request('https://notes.example.com/mcp')
  await expect(GET(request)).rejects.toThrow('no secret yet')
  ready = true
  for (let i = 0; i < 2; i++) expect((await GET(request)).status).toBe(401)
  expect((await OPTIONS(new Request(request.url, { method: 'OPTIONS' }))).status).toBe(404)
  expect(rs).toHaveBeenCalledTimes(3)
  expect(handler).not.toHaveBeenCalled()
})

test.each([
  ['nothing', []],
  ['what is not a server', [{}]],
  ['an authorization server that is not there', [undefined]],
])('U4 routes() with %s: ConfigurationError', (_, parts) => {
  expect(() => routes(...(parts as never[]))).toThrow(ConfigurationError)
})

test('U4 a promise of the servers is refused, because it would belong to one request', async () => {
  const { GET } = routes((async () => []) as never)
  await expect(GET(new Request('https://x.test/a'))).rejects.toThrow(ConfigurationError)
})

test('S2 guard() with several resources demands which one this route is, with a function at the first request', async () => {
  const several = createResourceServer({
    resource: ['/a', '/b'].map((path) => ({ resource: `https://x.test${path}` })),
    authorizationServers: ['https://as.example.com'],
  })
  const handler = (): Response => new Response()
  expect(() => guard(several, handler)).toThrow(/^`need\.resource` must /)
  await expect(guard(() => several, handler).GET(new Request('https://x.test/a'))).rejects.toThrow(
    /^`need\.resource` must /,
  )
  const { GET } = guard(() => several, handler, { resource: 'https://x.test/b' })
  expect((await GET(new Request('https://x.test/a'))).status).toBe(401)
})

test('HT4 Next serves plain http: an https issuer refuses, and names behindProxy', async () => {
  const redeem = async (env: Record<string, string>): Promise<[number, string]> => {
    const port = await freePort()
    const app = await startNext('test/support/next-app', port, env)
    try {
      const response = await fetch(`http://127.0.0.1:${port}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', client_id: 'y' }),
        headers: { 'x-forwarded-proto': 'https' },
      })
      return [response.status, await response.text()]
    } finally {
      await app.close()
    }
  }
  expect(await redeem({})).toEqual([400, expect.stringContaining('behindProxy: true')])
  expect(await redeem({ BEHIND_PROXY: '1' })).toEqual([401, expect.stringContaining('invalid_client')])
})

test('HT4 routes() passes on what was received: method, headers, body, and no scheme that a header made up', async () => {
  const { POST, GET } = routes({
    handle: async (request) =>
      new Response(`${request.method} ${request.url} ${request.headers.get('x-a')} ${await request.text()}`),
  })
  const init = { method: 'POST', body: 'hello', headers: { 'x-a': '1' } }
  expect(await (await POST(new Request('https://x.test/a?b', init))).text()).toBe(
    'POST http://x.test/a?b 1 hello',
  )
  expect(await (await GET(new Request('https://x.test/a'))).text()).toBe('GET http://x.test/a null ')
})

test('routes() asks each part in turn, and 404 where none answers', async () => {
  const part = (name: string) => ({
    handle: async (request: Request) =>
      new URL(request.url).pathname === `/${name}` ? new Response(name) : undefined,
  })
  const { GET, POST, HEAD, OPTIONS } = routes(part('a'), part('b'))
  expect(await (await GET(new Request('https://x.test/a'))).text()).toBe('a')
  expect(await (await POST(new Request('https://x.test/b', { method: 'POST' }))).text()).toBe('b')
  for (const method of [GET, POST, HEAD, OPTIONS])
    expect((await method(new Request('https://x.test/c'))).status).toBe(404)
})
