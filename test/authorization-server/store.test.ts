// What lies in the store, and what a store can do wrong.
import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { memoryCache } from '../../src/cache/memory.ts'
import { cloudflareKv } from '../../src/cache/cloudflare-kv.ts'
import { ConfigurationError, UnavailableError } from '../../src/errors.ts'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { scopedStore } from '../../src/authorization-server/scoped-store.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/types.ts'
import { basic, confidentialSecret, ok, refusal, RES_A, RES_B, resources, Rig } from '../support/as.ts'

/** The text and its disguises. */
const forms = (text: string): string[] => [
  text,
  btoa(text).replaceAll('=', ''),
  btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join(''),
  encodeURIComponent(text),
]

test('ST1 a dump of the store after a whole life holds nothing that works', async () => {
  const rig = new Rig({
    resources: { ...resources, [RES_B]: { ...resources[RES_B]!, accessTokens: 'opaque' } },
  })
  const registered = (await (
    await rig.register({
      redirect_uris: ['https://c.test/cb'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
  ).json()) as { client_id: string; client_secret: string }
  const planted = {
    props: { login: 'planted-props-value-0001' },
    upstream: { accessToken: 'planted-upstream-access', refreshToken: 'planted-upstream-refresh' },
    resources: [RES_A, RES_B],
  }
  const approved = await rig.approve(registered.client_id, planted)
  const form = { grant_type: 'authorization_code', code: approved.code, code_verifier: approved.verifier }
  const headers = basic(registered.client_id, registered.client_secret)
  const first = await ok(await rig.post(form, { headers }))
  const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token, resource: RES_B }
  const second = await ok(await rig.post(refresh, { headers }))
  const consent = { key: 'k', host: 'app.test', expires: rig.now + 60 }
  await rig.approve(registered.client_id, { consent })

  const dump = rig.store.written.map(({ key, value }) => `${key} ${value}`).join('\n')
  expect(rig.store.written.map(({ key }) => key.split(':')[1])).toEqual(
    expect.arrayContaining(['grant', 'user', 'ring']),
  )
  const parts = [first.refresh_token, second.refresh_token, approved.code].flatMap((each) =>
    each.split('.').slice(1),
  )
  const secrets = [
    ...parts,
    approved.verifier,
    first.access_token,
    first.access_token.split('.')[2]!,
    second.access_token,
    registered.client_secret,
    confidentialSecret,
    rig.options.secret as string,
    'planted-props-value-0001',
    'planted-upstream-access',
    'planted-upstream-refresh',
  ]
  for (const each of secrets)
    for (const form of forms(each)) expect(dump.includes(form), `${each.slice(0, 6)}…`).toBe(false)
  expect(dump).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/)
  expect(dump).not.toContain('BEGIN')
  // The search itself works: what is not secret is found.
  expect(dump).toContain(approved.grantId)
})

test('ST2 a flipped byte, a swapped record and a foreign secret: no data, and never those of another user', async () => {
  const rig = new Rig()
  const alice = await rig.tokens('pub', { props: { login: 'alice-'.repeat(300) } })
  const bob = await rig.tokens('pub', { subject: 'bob', props: { login: 'bob-'.repeat(300) } })
  const recordOf = async (
    id: string,
  ): Promise<{ key: string; value: Record<string, string>; version: string }> => {
    const { key } = rig.store.written.find((each) => each.key.endsWith(`${id}:grant`))!
    const found = (await rig.store.get(key))!
    return { key, value: JSON.parse(found.value) as Record<string, string>, version: found.version }
  }
  const write = async (id: string, change: (value: Record<string, string>) => object): Promise<void> => {
    const { key, value, version } = await recordOf(id)
    await rig.store.put(key, JSON.stringify(change(value)), { ifVersion: version, expiresAt: rig.now + 1000 })
  }
  await rig.call(alice.access_token)
  expect(rig.seen.at(-1)?.props).toEqual({ login: 'alice-'.repeat(300) })
  const { value: foreign } = await recordOf(bob.grantId)
  await write(alice.grantId, (value) => ({ ...value, props: foreign['props'] }))
  const fresh = await ok(await rig.refresh(alice.refresh_token))
  await rig.call(fresh.access_token)
  expect(rig.seen.at(-1)?.props).toBeUndefined()
  await write(bob.grantId, (value) => ({
    ...value,
    props: value['props']!.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
  }))
  const bobs = await ok(await rig.refresh(bob.refresh_token))
  await rig.call(bobs.access_token)
  expect(rig.seen.at(-1)).toMatchObject({ subject: 'bob', props: undefined })
  // Somebody who has the store and not the secret cannot go on with the ring.
  const stranger = rig.twin({ secret: 'an entirely different secret, of 40 bytes' })
  const response = await rig.refresh(fresh.refresh_token, {}, stranger)
  expect(await refusal(response)).toBe('503 temporarily_unavailable')
})

test('ST4 a store that hangs is a store that is down', async () => {
  const hanging: Store = {
    get: () => new Promise(() => undefined),
    put: () => new Promise(() => undefined),
    delete: () => new Promise(() => undefined),
  }
  const store = scopedStore(hanging, 'https://as.test', { clock: () => 0, event: () => undefined }, 20)
  await expect(store.get('a:grant')).rejects.toThrow(UnavailableError)
  await expect(store.put('a:grant', 'x', { ifVersion: null })).rejects.toThrow(UnavailableError)
  await expect(store.delete('a:grant')).rejects.toThrow(UnavailableError)
})

test('ST4 a store on which another caller is always first: 503 after five tries, and nothing is used up', async () => {
  const rig = new Rig()
  const approved = await rig.approve('pub')
  let writes = 0
  let busy = true
  rig.store.before = async (call) => {
    if (!busy || call.method !== 'put' || !call.key.endsWith(':grant')) return
    writes++
    const record = (await rig.store.get(call.key))!
    busy = false
    await rig.store.put(call.key, record.value, { ifVersion: record.version, expiresAt: record.expiresAt! })
    busy = true
  }
  expect(await refusal(await rig.redeem(approved))).toBe('503 temporarily_unavailable')
  expect(writes).toBe(5)
  busy = false
  await ok(await rig.redeem(approved))
})

test('ST5 stale reads on a replica: the second use is refused all the same', async () => {
  const rig = new Rig()
  const approved = await rig.approve('pub')
  const stale = new Map<string, Awaited<ReturnType<Store['get']>>>()
  const replica: Store = {
    get: async (key) => {
      if (!key.endsWith(':grant')) return rig.store.get(key)
      if (!stale.has(key)) stale.set(key, await rig.store.get(key))
      return stale.get(key)
    },
    put: (key, value, options) => rig.store.put(key, value, options),
    delete: (key, options) => rig.store.delete(key, options),
  }
  const twin = rig.twin({ store: replica })
  // The replica sees the code unused, for ever.
  expect(await replica.get(rig.store.written.at(-1)!.key)).toBeDefined()
  const tokens = await ok(await rig.redeem(approved))
  expect(await refusal(await rig.redeem(approved, {}, twin))).toBe('503 temporarily_unavailable')
  stale.clear()
  await ok(await rig.refresh(tokens.refresh_token, {}, twin))
  expect((await rig.refresh(tokens.refresh_token, {}, twin)).status).not.toBe(200)
})

test('ST5 a cache is refused as a store at construction', () => {
  const rig = new Rig()
  const kv = { get: async () => null, put: async () => undefined, delete: async () => undefined }
  for (const cache of [
    memoryCache(),
    cloudflareKv(kv as never),
    { ...kv, getWithMetadata: async () => null },
    {},
  ])
    expect(() => createAuthorizationServer({ ...rig.options, store: cache as unknown as Store })).toThrow(
      ConfigurationError,
    )
})

test('ST6 two issuers on one store and secret: nothing of one works at the other', async () => {
  const store = memoryStore()
  const one = new Rig({ store })
  const two = new Rig({ store, issuer: 'https://as.test/t2' })
  const tokens = await one.tokens()
  const code = await one.approve('pub')
  expect(await refusal(await two.redeem(code))).toBe('400 invalid_grant')
  expect(await refusal(await two.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await two.call(tokens.access_token)).toBe(401)
  expect(await two.as.grants.list('alice')).toEqual([])
  await two.as.grants.revoke('alice')
  await two.as.revokeAll()
  await one.as.clients.block('pub2')
  await ok(await one.refresh(tokens.refresh_token))
  await ok(await two.redeem(await two.approve('pub2'), { client_id: 'pub2' }))
  const prefixes = [one, two].map((rig) => new Set(rig.store.written.map(({ key }) => key.split('-')[0])))
  expect(prefixes.map(({ size }) => size)).toEqual([1, 1])
  expect([...prefixes[0]!]).not.toEqual([...prefixes[1]!])
})

test.each([':', '/', '*', '%', '..', 'a:b/c*%..', 'x'.repeat(600), 'ü\u0000', '__proto__', ' '])(
  'ST6 a user or client called %j',
  async (name) => {
    const rig = new Rig({
      clients: [{ client_id: `c${name}`, redirect_uris: ['https://c.test/cb'] }],
    })
    const mine = await rig.tokens(`c${name}`, { subject: name })
    const other = await rig.tokens(`c${name}`, { subject: `${name}x` })
    expect(await rig.as.grants.list(name)).toMatchObject([{ id: mine.grantId }])
    for (const { key } of rig.store.written) expect(key).toMatch(/^[\w-]{1,80}:(grant|user|ring)$/)
    await rig.as.grants.revoke(name)
    const form = { client_id: `c${name}` }
    expect(await refusal(await rig.refresh(mine.refresh_token, form))).toBe('400 invalid_grant')
    await ok(await rig.refresh(other.refresh_token, form))
  },
)

test('ST6 revoking names the user: a grant of another user stays', async () => {
  const rig = new Rig()
  const tokens = await rig.tokens()
  await rig.as.grants.revoke('bob', tokens.grantId)
  await ok(await rig.refresh(tokens.refresh_token))
  await rig.as.grants.revoke('alice', randomToken())
  expect(await rig.as.grants.list('alice')).toHaveLength(1)
})
