// Next as a built and started application, and real MCP clients against it.
import { beforeAll, expect, test } from 'vitest'
import { routes } from '../../src/adapter/next.ts'
import { clientSuite } from '../support/provider-clients.ts'
import { buildNext, startNext } from '../support/provider-next.ts'
import { adapterSuite } from './suite.ts'

beforeAll(() => buildNext('test/adapter/next-app'), 300_000)

adapterSuite(
  'tollgate/next',
  async (url, keys) => {
    return startNext('test/adapter/next-app', Number(new URL(url).port), {
      SUITE_URL: url,
      SUITE_KEYS: JSON.stringify(keys),
    })
  },
  { drains: false, rewritesQuery: true },
)

clientSuite(
  'Next',
  (wiring) =>
    startNext('test/adapter/next-app', Number(new URL(wiring.url).port), {
      NOTES_WIRING: JSON.stringify(wiring),
    }),
  '/notes',
)

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
