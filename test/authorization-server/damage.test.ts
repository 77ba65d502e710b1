// F7: one damaged record is that record's matter: never a 500, never a 503 for good, and the operator learns which it is.
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store, TollgateEvent } from '../../src/types.ts'
import { answered, basic, ok, refusal, RES_A, resources, Rig } from '../support/as.ts'

const introspectionSecret = 'the secret of a resource server, long enough'

const damages: readonly (readonly [string, (value: string) => string])[] = [
  ['no JSON', () => '{"v":1,'],
  ['not an object', () => '[]'],
  ['null', () => 'null'],
  ['another shape', () => '{"v":1}'],
  ['fields of other types', (value) => value.replace(/"(created|epoch)":\d+/g, '"$1":"x"')],
  ['no version', (value) => value.replace('"v":1,', '')],
  ['a version that there was never', (value) => value.replace('"v":1', '"v":"x"')],
]

function rigOn(store: Store): Rig {
  const one = { ...resources[RES_A]!, introspectionSecret }
  return new Rig({ store, checkRevocation: 0, resources: { [RES_A]: one } })
}

/** Changes the record whose key ends so, behind the server's back. */
async function damage(rig: Rig, store: Store, end: string, change: (value: string) => string): Promise<void> {
  const { key } = rig.store.written.findLast((each) => each.key.endsWith(end))!
  const { value, version, expiresAt } = (await store.get(key))!
  const damaged = change(value)
  expect(damaged).not.toBe(value)
  await store.put(key, damaged, { ifVersion: version, ...(expiresAt === undefined ? {} : { expiresAt }) })
}

const told = (rig: Rig): TollgateEvent[] => rig.events.filter(({ type }) => type === 'record.damaged')

describe.each(damages)('F7 %s', (_, change) => {
  test('F7 a grant: invalid_grant, inactive, 401, gone from the list; others live', async () => {
    const store = memoryStore()
    const rig = rigOn(store)
    const others = await rig.tokens()
    const tokens = await rig.tokens()
    await damage(rig, store, `${tokens.grantId}:grant`, change)
    expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await rig.redeem(tokens))).toBe('400 invalid_grant')
    const introspected = await rig.post(
      { token: tokens.access_token },
      { url: rig.path('introspect'), headers: basic(RES_A, introspectionSecret) },
    )
    expect(await introspected.json()).toEqual({ active: false })
    expect(await rig.call(tokens.access_token)).toBe(401)
    for (const token of [tokens.refresh_token, tokens.access_token]) {
      const revoked = await rig.post({ client_id: 'pub', token }, { url: rig.path('revoke') })
      expect(revoked.status).toBe(200)
    }
    expect(await rig.as.grants.list('alice')).toMatchObject([{ id: others.grantId }])
    await rig.as.grants.revoke('alice', tokens.grantId)
    await ok(await rig.refresh(others.refresh_token))
    expect(told(rig)[0]).toMatchObject({ level: 'alert', detail: 'grant', grantId: tokens.grantId })
    // Its id stays taken.
    await expect(rig.approve('pub', { id: tokens.grantId })).resolves.toMatchObject({ code: 'taken' })
  })

  test('F7 a user’s list: rebuilt at the next sign-in', async () => {
    const store = memoryStore()
    const rig = rigOn(store)
    const lost = await rig.tokens()
    await damage(rig, store, ':user', change)
    await rig.as.grants.list('alice')
    const { grantId } = await rig.tokens()
    expect((await rig.as.grants.list('alice')).map(({ id }) => id)).toContain(grantId)
    await ok(await rig.refresh(lost.refresh_token))
    const events = told(rig)
    expect(events[0]).toMatchObject({ level: 'alert', detail: 'user', subject: 'alice' })
    await rig.as.grants.list('alice')
    expect(told(rig)).toHaveLength(events.length)
  })

  test('F7 the key ring: a new one, and all users sign in again', async () => {
    const store = memoryStore()
    const rig = rigOn(store)
    const tokens = await rig.tokens()
    await damage(rig, store, 'keys:ring', change)
    const started = rig.twin()
    expect(await refusal(await rig.refresh(tokens.refresh_token, {}, started))).toBe('400 invalid_grant')
    expect(told(rig)[0]).toMatchObject({ level: 'alert', detail: 'key ring' })
    // Both instances agree again, after the 300 s for which a ring is kept.
    rig.now += 301
    const fresh = await rig.tokens()
    await ok(await rig.refresh(fresh.refresh_token, {}, started))
    expect(await rig.call(fresh.access_token)).toBe(200)
  })

  test('F7 a stored client and the quota: unknown, and counted anew', async () => {
    const store = memoryStore()
    const rig = new Rig({ store, registration: 'stored' })
    const register = async (): Promise<string> => {
      const response = await rig.register({ redirect_uris: ['https://app.test/cb'] })
      expect(response.status).toBe(201)
      return ((await response.json()) as { client_id: string }).client_id
    }
    const id = await register()
    await damage(rig, store, ':client', change)
    await damage(rig, store, ':quota', (value) => change(value).replace(/"count":\d+/, '"count":"x"'))
    rig.now += 61
    const unknown = await rig.refresh('x', { client_id: id })
    expect(await refusal(unknown)).toBe('401 invalid_client')
    expect(await rig.as.clients.get(id)).toBeUndefined()
    await register()
    expect(new Set(told(rig).map(({ detail }) => detail))).toEqual(new Set(['client', 'quota']))
  })
})

test('F7 single entries of a user’s list that are damaged go, the others stay', async () => {
  const store = memoryStore()
  const rig = rigOn(store)
  await rig.tokens()
  const kept = await rig.tokens()
  await damage(rig, store, ':user', (value) => value.replace(/"grants":\[\{[^}]*\}/, '"grants":[{"id":7}'))
  expect((await rig.as.grants.list('alice')).map(({ id }) => id)).toEqual([kept.grantId])
  expect(told(rig)).toMatchObject([{ detail: 'user', subject: 'alice' }])
})

test.each([':grant', ':user', 'keys:ring'])(
  'F7 a record of a newer version (%s): 503, and nothing is written over it',
  async (end) => {
    const store = memoryStore()
    const rig = rigOn(store)
    const tokens = await rig.tokens()
    await damage(rig, store, end, (value) => value.replace('"v":1', '"v":2'))
    const started = rig.twin()
    const writes = rig.store.written.length
    if (end === ':user') await expect(rig.approve('pub')).rejects.toMatchObject({ status: 503 })
    else {
      const answer = await rig.refresh(tokens.refresh_token, {}, started)
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await refusal(answer)).toBe('503 temporarily_unavailable')
    }
    expect(rig.store.written).toHaveLength(writes)
    expect(told(rig)).toEqual([])
  },
)

test('F7 a field that a newer deployment added stays when an older one writes the record', async () => {
  const store = memoryStore()
  const rig = rigOn(store)
  const tokens = await rig.tokens()
  await damage(rig, store, ':grant', (value) => value.replace('{', '{"added":{"later":true},'))
  await ok(await rig.refresh(tokens.refresh_token))
  expect(JSON.parse(rig.store.written.at(-1)!.value)).toMatchObject({ added: { later: true }, generation: 2 })
})

describe('F7 one key of the ring', () => {
  interface Ring {
    keys: { kid: string; wrapped: string; activeFrom: number }[]
  }
  const changeKey =
    (index: number, change: (wrapped: string) => string) =>
    (value: string): string => {
      const ring = JSON.parse(value) as Ring
      const key = ring.keys.at(index)!
      key.wrapped = change(key.wrapped)
      return JSON.stringify(ring)
    }
  const flipped = (text: string): string =>
    `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`
  const kids = async (rig: Rig, as: Rig['as']): Promise<string[]> => {
    const response = await answered(as.handle(new Request(rig.path('jwks'))))
    return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
  }

  test.each([
    ['changed', flipped],
    ['cut', (text: string) => text.slice(0, 30)],
    ['empty', () => ''],
  ])('F7 the only key is %s: another signs, with an event', async (_, change) => {
    const store = memoryStore()
    const rig = rigOn(store)
    const tokens = await rig.tokens()
    const before = await kids(rig, rig.as)
    await damage(rig, store, 'keys:ring', changeKey(0, change))
    const started = rig.twin()
    const next = await ok(await rig.refresh(tokens.refresh_token, {}, started))
    expect(await kids(rig, started)).not.toContain(before[0])
    expect(told(rig)[0]).toMatchObject({ level: 'alert', detail: 'signing key', received: before[0] })
    rig.now += 301
    expect(await rig.call(next.access_token)).toBe(200)
  })

  test('F7 one of two is damaged: the other signs and stays published', async () => {
    const store = memoryStore()
    const rig = new Rig({ store, keys: { rotateAfter: 7200, publishAhead: 3600 } })
    const tokens = await rig.tokens()
    rig.now += 3700
    const first = await ok(await rig.refresh(tokens.refresh_token))
    const [old, next] = await kids(rig, rig.as)
    expect(next).toBeDefined()
    await damage(rig, store, 'keys:ring', changeKey(-1, flipped))
    const started = rig.twin()
    await ok(await rig.refresh(first.refresh_token, {}, started))
    expect(await kids(rig, started)).toContain(old)
    expect(await kids(rig, started)).not.toContain(next)
    expect(told(rig)[0]).toMatchObject({ detail: 'signing key', received: next })
  })

  test('F7 a ring of another deployment secret is not damaged: 503, and it stays as it is', async () => {
    const store = memoryStore()
    const rig = rigOn(store)
    const tokens = await rig.tokens()
    const writes = rig.store.written.length
    const foreign = rig.twin({ secret: 'another deployment secret, which made none of it' })
    expect(await refusal(await rig.refresh(tokens.refresh_token, {}, foreign))).toBe(
      '503 temporarily_unavailable',
    )
    expect(rig.store.written).toHaveLength(writes)
    expect(told(rig)).toEqual([])
  })
})

test('F10 the 33rd access token that is revoked by itself ends the grant, with an event', async () => {
  const rig = rigOn(memoryStore())
  let tokens = await rig.tokens()
  const { grantId } = tokens
  for (let i = 0; i < 33; i++) {
    const form = { client_id: 'pub', token: tokens.access_token }
    expect((await rig.post(form, { url: rig.path('revoke') })).status).toBe(200)
    const ended = rig.events.filter(({ type }) => type === 'grant.revoked')
    if (i < 32) {
      expect(ended).toEqual([])
      tokens = { ...tokens, ...(await ok(await rig.refresh(tokens.refresh_token))) }
    } else expect(ended).toMatchObject([{ level: 'warning', grantId, subject: 'alice', clientId: 'pub' }])
  }
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
})
