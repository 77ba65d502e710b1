// S11: someone who can write to the shared cache, and nothing else.
import { expect, test } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createResourceServer } from '../../src/index.ts'
import { authenticatedCache } from '../../src/lib/authenticated-cache.ts'
import { Sealer } from '../../src/lib/sealer.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { Cache } from '../../src/types.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { issuer, jwksUri, key, post, resourceA, start, token, verdict, world } from '../support/guard.ts'
import { browserOf, pagesRig } from '../support/pages.ts'

const cacheSecret = 'a secret of the cache, of thirty-two bytes and more'

/** A cache whose entries the attacker sees and changes. */
function openCache(): { cache: Cache; entries: Map<string, string> } {
  const entries = new Map<string, string>()
  const cache: Cache = {
    get: async (name) => entries.get(name),
    put: async (name, value) => void entries.set(name, value),
    delete: async (name) => void entries.delete(name),
  }
  return { cache, entries }
}

test('S11 a planted key set is not believed where there is a cacheSecret, and instances share what is honest', async () => {
  const { cache, entries } = openCache()
  const evil = await key('evil')
  const first = await world({ options: { cache, cacheSecret } })
  expect((await first.call(post(await token()))).status).toBe(200)
  const second = await world({ options: { cache, cacheSecret } })
  expect((await second.call(post(await token()))).status).toBe(200)
  expect(second.outside.requests).toEqual([])
  const [name, honest] = [...entries][0]!
  expect(honest).not.toContain((await key('k1')).jwk.x)
  const planted = JSON.stringify({ v: 1, keys: [evil.jwk], at: start, freshUntil: start + 600 })
  const { cache: theirs, entries: made } = openCache()
  await authenticatedCache(theirs, new Sealer(['x'.repeat(32)]), 'resource-server').put(name, planted, {
    ttl: 600,
  })
  for (const entry of [planted, made.get(name)!, `A${honest.slice(1)}`, honest.slice(0, -4), '']) {
    entries.set(name, entry)
    const it = await world({ options: { cache, cacheSecret } })
    expect(await verdict(await it.call(post(await token({}, {}, evil))))).toBe('401-tok')
    expect((await it.call(post(await token()))).status).toBe(200)
    expect(it.outside.count(jwksUri)).toBeGreaterThan(0)
  }
})

test('S11 an honest entry counts under its own key, for its owner, and under a secret of the list', async () => {
  const { cache, entries } = openCache()
  const old = authenticatedCache(cache, new Sealer(['o'.repeat(32)]), 'https://a.test')
  await old.put('one', 'value', { ttl: 60 })
  entries.set('two', entries.get('one')!)
  expect([await old.get('one'), await old.get('two'), await old.get('three')]).toEqual([
    'value',
    undefined,
    undefined,
  ])
  const rotated = new Sealer(['n'.repeat(32), 'o'.repeat(32)])
  expect(await authenticatedCache(cache, rotated, 'https://a.test').get('one')).toBe('value')
  expect(await authenticatedCache(cache, rotated, 'https://b.test').get('one')).toBeUndefined()
  await old.delete('one')
  expect(await old.get('one')).toBeUndefined()
})

test('S11 introspection claims come from an authenticated cache alone, and count no longer than their ttl', async () => {
  const endpoint = `${issuer}/introspect`
  const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'x' } as const
  const server = introspectionVerifier({ issuer, endpoint }, { authentication, shared: true, ttl: 60 })
  const { cache, entries } = openCache()
  const construct = (): unknown =>
    createResourceServer({ resource: resourceA, authorizationServers: [server], cache })
  expect(construct).toThrow(ConfigurationError)
  expect(construct).toThrow(/cacheSecret/)

  const answer = { active: true, aud: resourceA, sub: 'alice', client_id: 'c', scope: 'notes:read' }
  const options = { authorizationServers: [server], cache, cacheSecret }
  const first = await world({ options })
  first.outside.routes.set(endpoint, () => Response.json({ ...answer, exp: start + 9e9 }))
  expect((await first.call(post('opaque'))).status).toBe(200)
  const [name, honest] = [...entries][0]!
  expect(honest).not.toContain('alice')
  const planted = JSON.stringify({ v: 1, until: start + 9e9, claims: { ...answer, sub: 'root' } })
  entries.set(name, planted)
  const second = await world({ options })
  second.outside.routes.set(endpoint, () => Response.json({ active: false }))
  expect(await verdict(await second.call(post('opaque')))).toBe('401-tok')

  // Even a holder of the secret cannot make it last.
  const insider = authenticatedCache(cache, new Sealer([cacheSecret]), 'resource-server')
  await insider.put(name, planted, { ttl: 60 })
  const third = await world({ options })
  third.outside.routes.set(endpoint, () => Response.json({ active: false }))
  expect((await third.call(post('opaque'))).status).toBe(200)
  entries.clear()
  third.elapsed = 60
  expect(await verdict(await third.call(post('opaque')))).toBe('401-tok')
})

test('S11 a planted client document is not believed: the authorization server has a secret', async () => {
  const { cache, entries } = openCache()
  const web = new Web()
  web.serve(documentId, document())
  const first = pagesRig({ fetch: web.fetch, cache })
  const shown = await browserOf(first, 'alice').get(await documentRequest())
  expect(shown.status).toBe(200)
  expect([...entries.values()].join()).not.toContain('Document client')
  const forged = document({ client_name: 'Claude', redirect_uris: ['https://evil.test/cb'] })
  const [name] = entries.keys()
  entries.set(name!, JSON.stringify({ v: 1, until: 1e15, text: JSON.stringify(forged) }))
  const second = pagesRig({ fetch: web.fetch, cache })
  const page = await browserOf(second, 'alice').get(await documentRequest())
  expect(page.status).toBe(200)
  expect(page.text).toContain('Document client')
  expect(page.text).not.toContain('Claude')
})

test('S11 a client document counts no longer than a day, whatever its entry says', async () => {
  const { cache, entries } = openCache()
  const web = new Web()
  web.serve(documentId, document())
  const first = pagesRig({ fetch: web.fetch, cache })
  await browserOf(first, 'alice').get(await documentRequest())
  const [name] = entries.keys()
  const insider = authenticatedCache(
    cache,
    new Sealer([first.options.secret].flat() as string[]),
    first.issuer,
  )
  const entry = { v: 1, until: 1e15, text: JSON.stringify(document({ client_name: 'Planted' })) }
  await insider.put(name!, JSON.stringify(entry), { ttl: 60 })
  const second = pagesRig({ fetch: web.fetch, cache })
  expect((await browserOf(second, 'alice').get(await documentRequest())).text).toContain('Planted')
  entries.clear()
  second.now += 86_400
  expect((await browserOf(second, 'alice').get(await documentRequest())).text).toContain('Document client')
})

test.each<[string, object]>([
  ['too short', { cache: memoryCache(), cacheSecret: 'x'.repeat(31) }],
  ['no text', { cache: memoryCache(), cacheSecret: 1 }],
  ['an empty list', { cache: memoryCache(), cacheSecret: [] }],
  ['without a cache', { cacheSecret }],
])('S11 a cacheSecret that is %s is refused at construction', (_, options) => {
  const construct = (): unknown =>
    createResourceServer({ resource: resourceA, authorizationServers: [issuer], ...options })
  expect(construct).toThrow(ConfigurationError)
  expect(construct).toThrow(/^`cacheSecret` must be|^`cacheSecret` must come with `cache`/)
})
