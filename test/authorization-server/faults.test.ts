// Refresh tokens and codes while the store fails, stalls or goes back, and while the deployment secret changes.
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store, StoreRecord, TollgateEvent } from '../../src/types.ts'
import type { EmbeddedAuthorizationServer as Instance } from '../../src/authorization-server/index.ts'
import { ok, refusal, RES_A, resources, Rig, secret, type Approved, type Tokens } from '../support/as.ts'

const isGrant = (key: string): boolean => key.endsWith(':grant')
const eventsOf = (rig: Rig, type: string): TollgateEvent[] => rig.events.filter((each) => each.type === type)

/** Everything that lies at the keys of grants. */
async function snapshot(rig: Rig, store: Store): Promise<Map<string, StoreRecord>> {
  const keys = new Set(rig.store.written.map(({ key }) => key).filter(isGrant))
  const entries = [...keys].map(async (key) => [key, (await store.get(key))!] as const)
  return new Map(await Promise.all(entries))
}

/** A failover to a replica that did not have the last writes. */
async function goBack(store: Store, saved: Map<string, StoreRecord>): Promise<void> {
  for (const [key, { value, expiresAt }] of saved) {
    const held = (await store.get(key))!
    await store.put(key, value, { ifVersion: held.version, expiresAt: expiresAt! })
  }
}

/** Several refreshes one after the other; all their answers, the first tokens first. */
async function generations(rig: Rig, first: Tokens, count: number): Promise<Tokens[]> {
  const all = [first]
  for (let i = 0; i < count; i++) all.push(await ok(await rig.refresh(all.at(-1)!.refresh_token)))
  return all
}

describe('S3 a refresh token that was replaced long ago', () => {
  test.each([
    ['the predecessor of the live token', 1, 1],
    ['the predecessor of the live token', 1, 2],
    ['the predecessor of the live token', 1, Infinity],
    ['an older one', 2, 1],
    ['an older one', 2, Infinity],
  ])(
    'S3 %s, %i rotations later, and %s writes of the tombstone fail: never a token',
    async (_, age, times) => {
      const rig = new Rig()
      const all = await generations(rig, await rig.tokens(), age)
      const [stolen, newest] = [all[0]!.refresh_token, all.at(-1)!.refresh_token]
      rig.now += 31
      let failed = 0
      rig.store.before = ({ method }) => {
        if (method === 'put' && failed++ < times) throw new Error('connection reset')
      }
      const answer = await refusal(await rig.refresh(stolen))
      expect(answer).toBe(times === 1 ? '400 invalid_grant' : '503 temporarily_unavailable')
      // Told when the tombstone stands.
      expect(eventsOf(rig, 'refresh.reused')).toHaveLength(times === 1 ? 1 : 0)
      rig.store.before = () => undefined
      expect(await refusal(await rig.refresh(stolen))).toBe('400 invalid_grant')
      expect(eventsOf(rig, 'refresh.reused')).toHaveLength(1)
      expect(await refusal(await rig.refresh(newest))).toBe('400 invalid_grant')
    },
  )

  test('S3 ST4 a lost answer is recognised without a grace, and only for the secret that was presented', async () => {
    const rig = new Rig({ lifetimes: { refreshGrace: 0 } })
    const first = await rig.tokens()
    let lost = 0
    rig.store.after = ({ method, key }) => {
      if (method === 'put' && isGrant(key) && lost++ === 0) throw new Error('connection reset')
    }
    const second = await ok(await rig.refresh(first.refresh_token))
    expect(lost).toBe(1)
    await ok(await rig.refresh(second.refresh_token))
    expect(await refusal(await rig.refresh(first.refresh_token))).toBe('400 invalid_grant')
  })
})

describe('F3 a failover that loses the last writes', () => {
  test.each([1, 2])(
    'F3 %i rotations lost: the newest token is honoured once, with an alert',
    async (lost) => {
      const store = memoryStore()
      const rig = new Rig({ store })
      const all = await generations(rig, await rig.tokens(), 2)
      const saved = await snapshot(rig, store)
      all.push(...(await generations(rig, all.at(-1)!, lost)).slice(1))
      await goBack(store, saved)
      const next = await ok(await rig.refresh(all.at(-1)!.refresh_token))
      expect(eventsOf(rig, 'refresh.ahead')).toMatchObject([
        { level: 'alert', expected: '3', received: `${3 + lost}`, subject: 'alice', clientId: 'pub' },
      ])
      expect(eventsOf(rig, 'refresh.reused')).toEqual([])
      const after = await ok(await rig.refresh(next.refresh_token))
      // Once: from now on it is an old one like any other.
      expect(await refusal(await rig.refresh(all.at(-1)!.refresh_token))).toBe('400 invalid_grant')
      expect(eventsOf(rig, 'refresh.reused')).toHaveLength(1)
      expect(await refusal(await rig.refresh(after.refresh_token))).toBe('400 invalid_grant')
    },
  )

  test('F3 the redemption itself was lost: the refresh token is accepted, and the code is refused', async () => {
    const store = memoryStore()
    const rig = new Rig({ store })
    const approved = await rig.approve('pub')
    const saved = await snapshot(rig, store)
    const tokens = await ok(await rig.redeem(approved))
    await goBack(store, saved)
    const next = await ok(await rig.refresh(tokens.refresh_token))
    expect(await refusal(await rig.redeem(approved))).toBe('400 invalid_grant')
    await ok(await rig.refresh(next.refresh_token))
  })

  test('F3 an older token is reuse, also after a failover; and a generation cannot be invented', async () => {
    const store = memoryStore()
    const rig = new Rig({ store })
    const all = await generations(rig, await rig.tokens(), 2)
    const [grantId, series, current] = all.at(-1)!.refresh_token.split('.') as [string, string, string]
    const saved = await snapshot(rig, store)
    await generations(rig, all.at(-1)!, 1)
    await goBack(store, saved)
    // The secret of this generation under the number of a later one.
    const forged = `${grantId}.${series}.0000z${current.slice(5)}`
    expect(await refusal(await rig.refresh(forged))).toBe('400 invalid_grant')
    expect(eventsOf(rig, 'refresh.reused')).toHaveLength(1)
    expect(eventsOf(rig, 'refresh.ahead')).toEqual([])
    await goBack(store, saved)
    expect(await refusal(await rig.refresh(all[0]!.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await rig.refresh(all.at(-1)!.refresh_token))).toBe('400 invalid_grant')
  })

  test('F3 a newer token of another client or of a revoked grant is refused, and nothing is written', async () => {
    const store = memoryStore()
    const rig = new Rig({ store })
    const first = await rig.tokens()
    const saved = await snapshot(rig, store)
    const [, second] = await generations(rig, first, 1)
    await goBack(store, saved)
    const writes = rig.store.written.length
    const foreign = await rig.refresh(second!.refresh_token, { client_id: 'pub2' })
    expect(await refusal(foreign)).toBe('400 invalid_grant')
    expect(rig.store.written).toHaveLength(writes)
    await rig.as.grants.revoke('alice')
    expect(await refusal(await rig.refresh(second!.refresh_token))).toBe('400 invalid_grant')
  })
})

describe('F2 two instances on one store while the deployment secret changes', () => {
  const next = 'the next deployment secret, made by chance as well'
  const lists = { old: [secret], both: [secret, next], turned: [next, secret], new: [next] }

  test.each([
    ['old', 'both'],
    ['both', 'turned'],
    ['turned', 'new'],
    ['old', 'turned'],
  ] as const)('F2 %s beside %s: parallel refreshes and retries end no family', async (one, other) => {
    const rig = new Rig({ secret: lists[one] })
    const instances = [rig.as, rig.twin({ secret: lists[other] })]
    // The signing key is wrapped with the old secret if the new one cannot open it; then it is made anew.
    if (other === 'new') await instances[1]!.revokeAll()
    rig.now += 301
    let { refresh_token: token } = await rig.tokens()
    for (let round = 0; round < 6; round++) {
      const order = round % 2 === 0 ? [0, 1, 0, 1] : [1, 0, 1, 0]
      const answers: Response[] = []
      for (const i of order) answers.push(await rig.refresh(token, {}, instances[i]!))
      const tokens = new Set<string>()
      for (const each of answers)
        if (each.status === 200) tokens.add((await ok(each)).refresh_token)
        else expect(await refusal(each)).toBe('503 temporarily_unavailable')
      expect(tokens.size).toBe(1)
      token = [...tokens][0]!
    }
    expect(eventsOf(rig, 'refresh.reused')).toEqual([])
  })

  test('F2 after the grace it is reuse, whichever secret made the successor', async () => {
    const rig = new Rig()
    const turned = rig.twin({ secret: lists.turned })
    const first = await rig.tokens()
    const second = await ok(await rig.refresh(first.refresh_token, {}, turned))
    expect(await refusal(await rig.refresh(first.refresh_token))).toBe('503 temporarily_unavailable')
    expect(eventsOf(rig, 'refresh.unrecognised')).toMatchObject([{ level: 'warning', subject: 'alice' }])
    rig.now += 30
    expect(await refusal(await rig.refresh(first.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await rig.refresh(second.refresh_token))).toBe('400 invalid_grant')
  })
})

describe('S13 a thief and the client share a session inside the grace', () => {
  test('S13 each repeat is told, and one too many in one generation ends the family', async () => {
    const rig = new Rig()
    const first = await rig.tokens()
    const second = await ok(await rig.refresh(first.refresh_token))
    const grant = (): { expires: number; generation: number } =>
      JSON.parse(rig.store.written.findLast(({ key }) => isGrant(key))!.value) as never
    const { expires, generation } = grant()
    for (let i = 1; i <= 100; i++) {
      rig.now += 0.1
      const again = await ok(await rig.refresh(first.refresh_token))
      expect(again.refresh_token).toBe(second.refresh_token)
    }
    expect(grant()).toMatchObject({ expires, generation })
    const told = eventsOf(rig, 'refresh.repeated')
    expect(told).toHaveLength(100)
    expect(told.at(-1)).toMatchObject({ level: 'warning', count: 100, subject: 'alice', clientId: 'pub' })
    expect(await refusal(await rig.refresh(first.refresh_token))).toBe('400 invalid_grant')
    expect(eventsOf(rig, 'refresh.reused')).toMatchObject([{ level: 'alert', detail: expect.any(String) }])
    expect(await refusal(await rig.refresh(second.refresh_token))).toBe('400 invalid_grant')
  })

  test('S13 repeats in too many generations in a row end the family', async () => {
    const rig = new Rig()
    let { refresh_token: token } = await rig.tokens()
    let rounds = 0
    for (; rounds < 100; rounds++) {
      const { refresh_token: next } = await ok(await rig.refresh(token))
      rig.now += 10
      const again = await rig.refresh(token)
      if (again.status !== 200) break
      rig.now += 890
      token = next
    }
    expect(rounds).toBe(32)
    expect(await refusal(await rig.refresh(token))).toBe('400 invalid_grant')
    expect(eventsOf(rig, 'refresh.reused')).toHaveLength(1)
  })

  test('S13 a generation without a repeat starts the count anew', async () => {
    const rig = new Rig()
    let { refresh_token: token } = await rig.tokens()
    for (let round = 0; round < 80; round++) {
      const { refresh_token: next } = await ok(await rig.refresh(token))
      if (round % 20 !== 0) await ok(await rig.refresh(token))
      rig.now += 60
      token = next
    }
    expect(eventsOf(rig, 'refresh.reused')).toEqual([])
  })
})

/** A store whose writes of grants can be held back: the caller gets an error, and the write comes when it is let go. */
function stalling(inner: Store): Store & { hold: boolean; letGo(): Promise<void> } {
  const held: (() => Promise<unknown>)[] = []
  const store = {
    ...inner,
    hold: false,
    async put(key: string, value: string, options: Parameters<Store['put']>[2]) {
      if (!store.hold || !isGrant(key)) return inner.put(key, value, options)
      held.push(() => inner.put(key, value, options))
      throw new Error('timed out')
    },
    async letGo() {
      store.hold = false
      for (const write of held.splice(0)) await write()
    },
  }
  return store
}

describe('T8 a store that stalls between the read and the write', () => {
  test('T8 a refresh whose write comes after its 503: the retry gets the successor', async () => {
    const store = stalling(memoryStore())
    const rig = new Rig({ store })
    const first = await rig.tokens()
    store.hold = true
    for (let i = 0; i < 3; i++) {
      expect(await refusal(await rig.refresh(first.refresh_token))).toBe('503 temporarily_unavailable')
      rig.now += 12
    }
    await store.letGo()
    const second = await ok(await rig.refresh(first.refresh_token))
    expect(eventsOf(rig, 'refresh.repeated')).toHaveLength(1)
    await ok(await rig.refresh(second.refresh_token))
    // Used, so the predecessor is reuse again.
    expect(await refusal(await rig.refresh(first.refresh_token))).toBe('400 invalid_grant')
  })

  test('T8 a code whose redemption comes after its 503: one retry gets the tokens', async () => {
    const store = stalling(memoryStore())
    const rig = new Rig({ store })
    const approved = await rig.approve('pub')
    store.hold = true
    expect(await refusal(await rig.redeem(approved))).toBe('503 temporarily_unavailable')
    rig.now += 36
    await store.letGo()
    const wrong = await rig.redeem({ ...approved, verifier: 'a'.repeat(43) })
    expect(await refusal(wrong)).toBe('400 invalid_grant')
    const answers = await Promise.all([rig.redeem(approved), rig.redeem(approved), rig.redeem(approved)])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('T8 a code whose retry was answered is refused afterwards', async () => {
    const store = stalling(memoryStore())
    const rig = new Rig({ store })
    const approved = await rig.approve('pub')
    store.hold = true
    expect(await refusal(await rig.redeem(approved))).toBe('503 temporarily_unavailable')
    rig.now += 36
    await store.letGo()
    const tokens = await ok(await rig.redeem(approved))
    await ok(await rig.refresh(tokens.refresh_token))
    expect(await refusal(await rig.redeem(approved))).toBe('400 invalid_grant')
  })
})

describe('F9 clocks of instances that differ', () => {
  test('F9 a rotation in the future is not reuse, and is reported', async () => {
    const rig = new Rig()
    const ahead = rig.twin({ clock: () => rig.now + 31 })
    const first = await rig.tokens()
    const second = await ok(await rig.refresh(first.refresh_token, {}, ahead))
    const again = await ok(await rig.refresh(first.refresh_token))
    expect(again.refresh_token).toBe(second.refresh_token)
    expect(eventsOf(rig, 'clock.skewed')).toMatchObject([{ level: 'warning', duration: 31 }])
    expect(eventsOf(rig, 'refresh.reused')).toEqual([])
  })

  test('F9 a redemption in the future is a duplicate, no replay', async () => {
    const rig = new Rig()
    const ahead = rig.twin({ clock: () => rig.now + 31 })
    const approved = await rig.approve('pub')
    const tokens = await ok(await rig.redeem(approved, {}, ahead))
    expect(await refusal(await rig.redeem(approved))).toBe('400 invalid_grant')
    expect(eventsOf(rig, 'code.replayed')).toEqual([])
    expect(eventsOf(rig, 'clock.skewed')).toHaveLength(1)
    await ok(await rig.refresh(tokens.refresh_token))
  })
})

describe('S4 F5 another instance has called revokeAll(), and this one has not read the key ring again', () => {
  /** Tokens of the new epoch, from the instance that made it. */
  async function newEpoch(rig: Rig): Promise<{ approved: Approved; tokens: Tokens; twin: Instance }> {
    await rig.tokens()
    const twin = rig.twin()
    await twin.revokeAll()
    const later = new Rig({ ...rig.options, store: rig.store, clock: () => rig.now })
    const tokens = await later.tokens()
    return { approved: await later.approve('pub'), tokens, twin }
  }
  const opaque = { [RES_A]: { ...resources[RES_A], accessTokens: 'opaque' as const } }

  test('S4 a code, a refresh token and an opaque token of the new epoch are good at once', async () => {
    const rig = new Rig({ resources: opaque })
    const { approved, tokens, twin } = await newEpoch(rig)
    expect(await rig.call(tokens.access_token)).toBe(200)
    const next = await ok(await rig.refresh(tokens.refresh_token))
    await ok(await rig.refresh(next.refresh_token, {}, twin))
    await ok(await rig.redeem(approved))
  })

  test.each(['refresh', 'redeem', 'call'] as const)(
    'S4 and so is each of them by itself: %s',
    async (what) => {
      const rig = new Rig({ resources: opaque })
      const { approved, tokens } = await newEpoch(rig)
      const found = {
        refresh: async () => (await rig.refresh(tokens.refresh_token)).status,
        redeem: async () => (await rig.redeem(approved)).status,
        call: () => rig.call(tokens.access_token),
      }
      expect(await found[what]()).toBe(200)
    },
  )

  test('S4 F5 a JWT of the new key is never called bad: 503 while it is not time to look, then 200', async () => {
    const rig = new Rig()
    const { tokens } = await newEpoch(rig)
    expect(await rig.call(tokens.access_token)).toBe(503)
    rig.now += 30
    expect(await rig.call(tokens.access_token)).toBe(200)
  })

  test('S4 a record of an epoch that there is not is refused, and costs two readings of the ring', async () => {
    const rig = new Rig()
    const { refresh_token: token } = await rig.tokens()
    const grant = rig.store.written.findLast(({ key }) => isGrant(key))!
    const { version } = (await rig.store.get(grant.key))!
    const planted = JSON.stringify({ ...(JSON.parse(grant.value) as object), epoch: 1e9 })
    await rig.store.put(grant.key, planted, { ifVersion: version, expiresAt: grant.expiresAt! })
    rig.store.calls.length = 0
    expect(await refusal(await rig.refresh(token))).toBe('400 invalid_grant')
    expect(rig.store.calls.filter(({ key }) => key.endsWith('keys:ring'))).toHaveLength(2)
  })
})

describe('S16 what is remembered counts from the moment at which its reading began', () => {
  test.each([
    ['a block', ':block', 60, (twin: Instance) => twin.clients.block('pub')],
    ['the key ring', 'keys:ring', 300, (twin: Instance) => twin.revokeAll()],
  ])('S16 %s', async (_, part, fresh, end) => {
    const rig = new Rig({ checkRevocation: 60 })
    const { access_token: token } = await rig.tokens()
    const twin = rig.twin()
    await twin.handle(new Request(rig.path('jwks')))
    rig.now += 400
    const began = rig.now
    let slow = true
    rig.store.after = async ({ method, key }) => {
      if (!slow || method !== 'get' || !key.endsWith(part)) return
      slow = false
      rig.now += 4
      await end(twin)
    }
    expect(await rig.call(token)).toBe(200)
    rig.now = began + fresh
    expect(await rig.call(token)).toBe(401)
  })
})

test('S19 the same approval in its last moment, while the store is slow, makes no second grant', async () => {
  const rig = new Rig()
  const approval = { id: 'a'.repeat(27), codeChallenge: 'c'.repeat(43), repeatableUntil: rig.now + 600 }
  await rig.approve('pub', approval)
  await rig.as.grants.revoke('alice')
  rig.now += 599.99
  rig.store.before = () => {
    rig.now += 0.02
  }
  expect((await rig.approve('pub', approval)).code).toBe('taken')
})
