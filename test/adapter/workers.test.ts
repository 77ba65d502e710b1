import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { worker } from '../../src/adapter/workers.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'
import { adapterSuite } from './adapter.suite.ts'

adapterSuite(
  'tollgate/workers, in workerd',
  async (url, keys) => {
    const miniflare = await startWorkerd({
      ...compatibility,
      script: await bundle(join(import.meta.dirname, 'workers-host.ts')),
      bindings: { URL: url, KEYS: JSON.stringify(keys) },
      port: Number(new URL(url).port),
    })
    return { close: () => miniflare.dispose() }
  },
  { malformedHosts: false, closesUploads: true },
)

test('the parts are built once, by the first request', async () => {
  const build = vi.fn((env: { name: string }) => () => new Response(env.name))
  const { fetch } = worker(build)
  expect(build).not.toHaveBeenCalled()
  const request = new Request('https://notes.example.com')
  const texts = await Promise.all(
    [1, 2, 3].map(async () => (await fetch(request, { name: 'notes' }, undefined)).text()),
  )
  expect(texts).toEqual(['notes', 'notes', 'notes'])
  expect(build).toHaveBeenCalledOnce()
})

test('the handler gets what the platform gives, each time anew', async () => {
  const { fetch } = worker<string, number>(() => (_request, env, context) => Response.json([env, context]))
  const request = new Request('https://notes.example.com')
  expect(await (await fetch(request, 'a', 1)).json()).toEqual(['a', 1])
  expect(await (await fetch(request, 'b', 2)).json()).toEqual(['b', 2])
})

test('building failed: this request fails, the next one tries again', async () => {
  let broken = true
  const { fetch } = worker(() => {
    if (broken) throw new Error('not now')
    return () => new Response('fine')
  })
  const request = new Request('https://notes.example.com')
  await expect(fetch(request, {}, {})).rejects.toThrow('not now')
  broken = false
  expect(await (await fetch(request, {}, {})).text()).toBe('fine')
})

test('rule 9: a promise of a handler is refused, because it would belong to one request', async () => {
  const { fetch } = worker((async () => () => new Response()) as never)
  await expect(fetch(new Request('https://notes.example.com'), {}, {})).rejects.toThrow(ConfigurationError)
  expect(() => worker(undefined as never)).toThrow(ConfigurationError)
})

describe('in workerd, outside and across requests', () => {
  let miniflare: Awaited<ReturnType<typeof startWorkerd>>
  let url: URL
  beforeAll(async () => {
    const script = await bundle(join(import.meta.dirname, 'workers-global.ts'))
    miniflare = await startWorkerd({ ...compatibility, script })
    url = await miniflare.ready
  })
  afterAll(() => miniflare.dispose())

  test('F12 in the global scope every part can be made; without a secret the error says what to do', async () => {
    expect(await (await fetch(url)).json()).toEqual({
      withoutSecret: expect.stringMatching(/^ConfigurationError: `secret` must be .*openssl rand -base64 32/),
      withSecret: 'made',
      sessions: 'made',
      client: 'made',
    })
  })

  test.each([
    ['seal', 'text'],
    ['mac', expect.stringMatching(/^[\w-]{43}$/)],
    ['dpop', expect.stringMatching(/^[\w-]{43}$/)],
    ['store', null],
    ['timer', 'hung'],
  ])('rule 9: what a request that has ended began, %s, is for the next one: %s', async (what, expected) => {
    expect(await (await fetch(new URL(`/lead?what=${what}`, url))).text()).toBe('gone')
    for (let i = 0; i < 2; i++) {
      const { found } = (await (await fetch(new URL(`/follow?what=${what}`, url))).json()) as {
        found: unknown
      }
      expect(found).toEqual(expected)
    }
  })
})
