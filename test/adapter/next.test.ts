// Next as a built and started application.
import { beforeAll, expect, test } from 'vitest'
import { routes } from '../../src/adapter/next.ts'
import { buildNext, startNext } from '../support/runtime-next.ts'
import { adapterSuite, freePort } from './suite.ts'

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
