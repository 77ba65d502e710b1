// TK19: the application judges every code exchange and every refresh: roles change, and users are disabled.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { InvalidTokenError, isOAuthError, UnavailableError } from '../../src/errors.ts'
import type { AuthorizationServerOptions, PendingTokens } from '../../src/authorization-server/options.ts'
import { ok, payload, refusal, RES_A, RES_B, resources, Rig, type Tokens } from '../support/as.ts'

type Hook = NonNullable<AuthorizationServerOptions['onTokens']>

/** The answer of the hook can be changed; `asked` is what it was called with. */
class HookRig {
  readonly asked: PendingTokens[] = []
  answer: Hook = () => undefined
  readonly errors: unknown[] = []
  readonly rig: Rig

  constructor(options: Partial<AuthorizationServerOptions> = {}) {
    this.rig = new Rig({
      onTokens: (pending) => {
        this.asked.push(pending)
        return this.answer(pending)
      },
      onError: (error, { where }) => this.errors.push([where, error]),
      ...options,
    })
  }

  /** Each way to tokens: what it presents can be presented again as long as nothing is burnt. */
  async ways(): Promise<Record<string, () => Promise<Response>>> {
    const approved = await this.rig.approve('pub', { props: { role: 'editor' } })
    const { refresh_token } = await this.rig.tokens('pub', { props: { role: 'editor' } })
    this.asked.length = 0
    return {
      authorization_code: () => this.rig.redeem(approved),
      refresh_token: () => this.rig.refresh(refresh_token),
    }
  }

  types(): string[] {
    return this.rig.events.map(({ type }) => type)
  }
}

const grantTypes = ['authorization_code', 'refresh_token']

afterEach(() => vi.useRealTimers())

describe.each(grantTypes)('TK19 U9 onTokens at %s', (grantType) => {
  test('gets the grant and what the token would carry, frozen, after everything is validated', async () => {
    const it = new HookRig()
    const { rig } = it
    const way = (await it.ways())[grantType]!
    const calls = rig.store.calls.length
    await ok(await way())
    expect(it.asked).toEqual([
      {
        subject: 'alice',
        clientId: 'pub',
        resource: RES_A,
        scopes: ['notes:read', 'notes:write'],
        props: { role: 'editor' },
        choices: {},
        grantType,
      },
    ])
    expect(Object.isFrozen(it.asked[0])).toBe(true)
    expect(Object.isFrozen(it.asked[0]!.scopes)).toBe(true)
    expect(rig.store.calls.slice(calls).map(({ method }) => method)).toEqual(['get', 'put'])
  })

  test('narrows the scopes of the token, and never widens them', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => ({ scopes: ['b:admin', 'notes:read', 'made-up'] })
    const tokens = await ok(await way())
    expect(tokens.scope).toBe('notes:read')
    expect(payload(tokens.access_token)['scope']).toBe('notes:read')
    // The next token has what the hook allows then: the grant keeps its scopes.
    it.answer = () => undefined
    expect((await ok(await it.rig.refresh(tokens.refresh_token))).scope).toBe('notes:read notes:write')
  })

  test('no scope left is invalid_scope, and burns nothing', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    const writes = it.rig.store.written.length
    it.answer = () => ({ scopes: [] })
    expect(await refusal(await way())).toBe('400 invalid_scope')
    expect(it.rig.store.written).toHaveLength(writes)
    it.answer = () => undefined
    await ok(await way())
  })

  test('replaces the props, from now on', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => ({ props: { role: 'reader' } })
    const tokens = await ok(await way())
    expect(await it.rig.call(tokens.access_token)).toBe(200)
    expect(it.rig.seen.at(-1)!.props).toEqual({ role: 'reader' })
    it.answer = () => undefined
    const next = await ok(await it.rig.refresh(tokens.refresh_token))
    expect(it.asked.at(-1)!.props).toEqual({ role: 'reader' })
    await it.rig.call(next.access_token)
    expect(it.rig.seen.at(-1)!.props).toEqual({ role: 'reader' })
  })

  test('props that are too large for a token lie in the grant', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    const props = { text: 'x'.repeat(5000) }
    it.answer = () => ({ props })
    const tokens = await ok(await way())
    expect(tokens.access_token.length).toBeLessThan(2000)
    await it.rig.call(tokens.access_token)
    expect(it.rig.seen.at(-1)!.props).toEqual(props)
  })

  test('deny: invalid_grant with the description, and the grant is revoked with an event', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.rig.events.length = 0
    it.answer = () => ({ deny: 'This account is disabled' })
    const response = await way()
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      error: 'invalid_grant',
      error_description: 'This account is disabled',
    })
    expect(it.types()).toEqual(['grant.denied', 'token.refused'])
    expect(it.rig.events[0]).toMatchObject({
      level: 'warning',
      issuer: 'https://as.test',
      clientId: 'pub',
      subject: 'alice',
      detail: 'This account is disabled',
    })
    it.answer = () => undefined
    expect(await refusal(await way())).toBe('400 invalid_grant')
    expect(it.asked).toHaveLength(1)
  })

  test.each([
    ['an Error', new TypeError('planted-secret'), '500 server_error'],
    ['an UnavailableError', new UnavailableError('It is down'), '503 temporarily_unavailable'],
    ['another OAuthError', new InvalidTokenError('planted-secret'), '500 server_error'],
    ['no Error', 'planted-secret', '500 server_error'],
  ])('%s thrown: reported, nothing burnt', async (_, thrown, answer) => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    const writes = it.rig.store.written.length
    it.answer = () => {
      throw thrown
    }
    const response = await way()
    expect(response.headers.get('retry-after')).toBe(answer.startsWith('503') ? '5' : null)
    expect(await refusal(response)).toBe(answer)
    expect(it.errors).toEqual([['onTokens', thrown]])
    if (!isOAuthError(thrown)) expect(JSON.stringify(it.rig.events)).not.toContain('planted')
    expect(it.rig.store.written).toHaveLength(writes)
    it.answer = () => undefined
    await ok(await way())
  })

  test.each([
    ['a string', 'no', /`onTokens` must be an object such as \{ scopes, props, deny \}; got "no"/],
    ['false', false, /got false/],
    ['an unknown member', { scope: ['notes:read'] }, /onTokens\.scope.*did you mean "scopes"/],
    ['scopes that are no list', { scopes: 'notes:read' }, /`onTokens\.scopes` must be/],
    ['an empty deny', { deny: '' }, /`onTokens\.deny` must be/],
    ['deny: true', { deny: true }, /`onTokens\.deny` must be/],
    ['props that are no JSON', { props: () => 1 }, /onTokens\.props/],
    ['props of more than 16 000 bytes', { props: 'x'.repeat(16_000) }, /onTokens\.props/],
  ])('%s is a mistake of the application: 500, nothing burnt', async (_, wrong, message) => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => wrong as never
    expect(await refusal(await way())).toBe('500 server_error')
    const { type, detail } = it.rig.events.at(-1)!
    expect(type).toBe('server.error')
    expect(detail).toMatch(message)
    it.answer = () => undefined
    await ok(await way())
  })

  test('null is undefined', async () => {
    const it = new HookRig()
    it.answer = () => null
    await ok(await (await it.ways())[grantType]!())
  })

  test('a hook that does not answer ends as 503 after 10 s, and burns nothing', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const called = new Promise<void>((resolve) => {
      it.answer = () => {
        resolve()
        return new Promise(() => undefined)
      }
    })
    const answer = way()
    await called
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await refusal(await answer)).toBe('503 temporarily_unavailable')
    vi.useRealTimers()
    it.answer = () => undefined
    await ok(await way())
  })

  test('a store that fails after the hook: 503, and the retry gets its tokens', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => ({ scopes: ['notes:read'], props: { role: 'reader' } })
    it.rig.store.before = ({ method }) => {
      if (method === 'put') throw new Error('down')
    }
    expect(await refusal(await way())).toBe('503 temporarily_unavailable')
    expect(it.asked).toHaveLength(1)
    it.rig.store.before = () => undefined
    expect((await ok(await way())).scope).toBe('notes:read')
  })

  test('a write whose answer is lost: the hook is asked once, its decision stands', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => ({ scopes: ['notes:read'], props: { asked: it.asked.length } })
    let lost = false
    it.rig.store.after = ({ method }) => {
      if (method !== 'put' || lost) return
      lost = true
      throw new Error('the answer was lost')
    }
    const tokens = await ok(await way())
    expect(tokens.scope).toBe('notes:read')
    expect(it.asked).toHaveLength(1)
    await it.rig.call(tokens.access_token)
    expect(it.rig.seen.at(-1)!.props).toEqual({ asked: 1 })
  })

  test('a write that stands after a 503: the retry asks the hook, also if that fails once', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.rig.store.after = ({ method }) => {
      if (method === 'put') it.rig.store.before = () => Promise.reject(new Error('down'))
      if (method === 'put') throw new Error('the answer was lost')
    }
    expect(await refusal(await way())).toBe('503 temporarily_unavailable')
    it.rig.store.before = () => undefined
    it.rig.store.after = () => undefined
    it.answer = () => {
      throw new Error('once')
    }
    expect(await refusal(await way())).toBe('500 server_error')
    it.answer = () => ({ scopes: ['notes:read'] })
    expect((await ok(await way())).scope).toBe('notes:read')
  })

  test('a denial that cannot be written is a 503, and the next request is denied', async () => {
    const it = new HookRig()
    const way = (await it.ways())[grantType]!
    it.answer = () => ({ deny: 'gone' })
    it.rig.store.before = ({ method }) => {
      if (method === 'put') throw new Error('down')
    }
    expect(await refusal(await way())).toBe('503 temporarily_unavailable')
    it.rig.store.before = () => undefined
    expect(await refusal(await way())).toBe('400 invalid_grant')
  })

  test('a slow hook whose request is overtaken by its own retry revokes nothing', async () => {
    const it = new HookRig({ lifetimes: { refreshGrace: 3 } })
    const way = (await it.ways())[grantType]!
    let release = (): void => undefined
    const called = new Promise<void>((resolve) => {
      it.answer = () => {
        resolve()
        return new Promise((done) => {
          release = () => done(undefined)
        })
      }
    })
    const slow = way()
    await called
    it.answer = () => undefined
    it.rig.now += 1
    const tokens = await ok(await way())
    it.rig.now += 8
    release()
    const late = await slow
    // A code is redeemed once; a refresh token presented at the same time gets the same successor.
    if (grantType === 'authorization_code') expect(await refusal(late)).toBe('400 invalid_grant')
    else expect((await ok(late)).refresh_token).toBe(tokens.refresh_token)
    await ok(await it.rig.refresh(tokens.refresh_token))
    expect(it.types()).not.toContain('refresh.reused')
    expect(it.types()).not.toContain('code.replayed')
  })
})

test('TK19 nothing that is refused anyway reaches the hook', async () => {
  const it = new HookRig()
  const { rig } = it
  const approved = await rig.approve('pub')
  const wrong: Record<string, string>[] = [
    { code_verifier: 'x'.repeat(43) },
    { client_id: 'pub2' },
    { redirect_uri: 'https://elsewhere.test/cb' },
    { resource: RES_B },
  ]
  for (const more of wrong) expect((await rig.redeem(approved, more)).status).toBe(400)
  const { refresh_token } = await ok(await rig.redeem(approved))
  it.asked.length = 0
  expect(await refusal(await rig.refresh(refresh_token, { scope: 'b:admin' }))).toBe('400 invalid_scope')
  expect(await refusal(await rig.refresh(refresh_token, { resource: RES_B }))).toBe('400 invalid_target')
  expect(await refusal(await rig.refresh(refresh_token, { client_id: 'pub2' }))).toBe('400 invalid_grant')
  await ok(await rig.refresh(refresh_token))
  rig.now += 31
  it.asked.length = 0
  expect(await refusal(await rig.refresh(refresh_token))).toBe('400 invalid_grant')
  expect(it.asked).toEqual([])
})

test('TK19 duplicates within the grace get the same successor, each judged by the hook', async () => {
  const it = new HookRig()
  const { refresh_token } = await it.rig.tokens()
  it.asked.length = 0
  it.answer = () => ({ scopes: ['notes:read'] })
  const racers = await Promise.all([1, 2, 3].map(async () => ok(await it.rig.refresh(refresh_token))))
  expect(new Set(racers.map((each) => each.refresh_token)).size).toBe(1)
  expect(racers.map((each) => each.scope)).toEqual(['notes:read', 'notes:read', 'notes:read'])
  expect(it.asked).toHaveLength(3)
})

test('TK19 a racer does not overwrite newer props: it asks again', async () => {
  const it = new HookRig()
  const { refresh_token } = await it.rig.tokens('pub', { props: 0 })
  it.answer = ({ props }) => ({ props: (props as number) + 1 })
  const racers = await Promise.all([1, 2, 3].map(async () => ok(await it.rig.refresh(refresh_token))))
  const after = [] as unknown[]
  for (const racer of racers) {
    await it.rig.call(racer.access_token)
    after.push(it.rig.seen.at(-1)!.props)
  }
  expect([...new Set(after)].sort()).toEqual([1, 2, 3])
})

test('TK19 the scopes that the client asks for come first, then the hook', async () => {
  const it = new HookRig()
  const { refresh_token } = await it.rig.tokens()
  it.answer = () => ({ scopes: ['notes:write', 'notes:read'] })
  const narrow = await ok(await it.rig.refresh(refresh_token, { scope: 'notes:read' }))
  expect(it.asked.at(-1)!.scopes).toEqual(['notes:read'])
  expect(narrow.scope).toBe('notes:read')
  it.answer = () => ({ scopes: ['notes:read'] })
  expect(await refusal(await it.rig.refresh(narrow.refresh_token, { scope: 'notes:write' }))).toBe(
    '400 invalid_scope',
  )
})

test('TK19 of several resources the hook sees the one of this token', async () => {
  const it = new HookRig()
  const approved = await it.rig.approve('pub', { resources: [RES_A, RES_B], scopes: ['notes:read'] })
  const first = await ok(await it.rig.redeem(approved, { resource: RES_B }))
  const second: Tokens = await ok(await it.rig.refresh(first.refresh_token, { resource: RES_A }))
  expect(second.scope).toBe('notes:read')
  expect(it.asked.map(({ resource }) => resource)).toEqual([RES_B, RES_A])
})

test('TK19 a resource without scopes needs none', async () => {
  const it = new HookRig({ resources: { [RES_A]: { scopes: {} } } })
  it.answer = () => ({ scopes: [] })
  const approved = await it.rig.approve('pub', { scopes: [] })
  expect((await ok(await it.rig.redeem(approved))).scope).toBe('')
})

test('TK19 a denial ends remembered consents as any revocation does, and opaque tokens at once', async () => {
  const it = new HookRig({ resources: { [RES_A]: { ...resources[RES_A]!, accessTokens: 'opaque' } } })
  const consent = { key: 'k', host: 'app.test', expires: it.rig.now + 1000 }
  const { access_token, refresh_token } = await it.rig.tokens('pub', { consent })
  expect(await it.rig.context.grants.consents('alice')).toHaveLength(1)
  expect(await it.rig.call(access_token)).toBe(200)
  it.answer = () => ({ deny: 'gone' })
  expect(await refusal(await it.rig.refresh(refresh_token))).toBe('400 invalid_grant')
  expect(await it.rig.context.grants.consents('alice')).toEqual([])
  expect(await it.rig.call(access_token)).toBe(401)
})

test('TK19 onTokens is a function', () => {
  expect(() => new Rig({ onTokens: true as never })).toThrow('`onTokens` must be a function; got true')
})
