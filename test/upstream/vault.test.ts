// Upstream tokens are renewed once, whoever asks, and are stored before they are used.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { OAuthError, UnavailableError } from '../../src/errors.ts'
import { freshToken } from '../../src/upstream/vault.ts'
import type { UpstreamToken, VaultEntry } from '../../src/types.ts'
import { lifetime, VaultWorld } from './vault-world.ts'

afterEach(() => {
  vi.useRealTimers()
})

const fakeTimers = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
}
const never = new Promise<never>(() => undefined)

/** The error code and what the caller is told to wait, or the access token. */
async function outcome(token: Promise<UpstreamToken>): Promise<string> {
  try {
    return (await token).accessToken
  } catch (error) {
    const { code, retryAfter } = error as OAuthError
    return retryAfter === undefined ? code : `${code} ${retryAfter}`
  }
}

/** The settled outcome, while time passes for timers only. */
async function settled<T>(promise: Promise<T>, seconds: number): Promise<T> {
  const result = promise.catch((error: unknown) => error as T)
  await vi.advanceTimersByTimeAsync(seconds * 1000)
  return result
}

describe('when a token is renewed', () => {
  test('a token that lasts a while is answered with one read, without its refresh token', async () => {
    const world = new VaultWorld()
    await world.keep({ scopes: ['repo'], idToken: 'id' })
    world.store.calls.length = 0
    const expiresAt = world.now + lifetime
    expect(await world.server()()).toEqual({ accessToken: 'access-0', expiresAt, scopes: ['repo'] })
    expect(world.store.calls.map(({ method }) => method)).toEqual(['get'])
    expect([world.provider.asked, world.events]).toEqual([[], []])
  })

  test.each([
    [61, 'access-0'],
    [60, 'access-1'],
    [0, 'access-1'],
    [-86_400, 'access-1'],
  ])('%i s before its end: %s', async (left, expected) => {
    const world = new VaultWorld()
    await world.keep()
    world.now += lifetime - left
    expect((await world.server()()).accessToken).toBe(expected)
  })

  test('a token of one minute, which was renewed, is renewed again at half of its life', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now + 60, renewed: world.now })
    const ask = world.server()
    world.now += 29
    expect((await ask()).accessToken).toBe('access-0')
    world.now += 1
    expect((await ask()).accessToken).toBe('access-1')
  })

  test('an answer that lasts no time at all is used once, and makes no loop', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    const { renew } = world.provider
    const short = async (tokens: Parameters<typeof renew>[0]) => ({
      ...(await renew(tokens)),
      expiresAt: world.now,
    })
    expect((await freshToken(world.vault(), short)).accessToken).toBe('access-1')
    expect(world.provider.asked).toHaveLength(1)
  })

  test('a token without an expiry, as GitHub issues them, needs no call', async () => {
    const world = new VaultWorld()
    await world.write({ accessToken: 'for-ever' })
    world.now += 365 * 86_400
    expect(await world.server()()).toEqual({ accessToken: 'for-ever' })
    expect(world.provider.asked).toEqual([])
  })

  test('what the provider does not send again stays, but not the expiry of the old token', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now, idToken: 'id', scopes: ['a'] })
    const token = await freshToken(world.vault(), async () => ({ accessToken: 'bare' }))
    expect(token).toEqual({ accessToken: 'bare', scopes: ['a'] })
    expect(await world.entry()).toEqual({
      accessToken: 'bare',
      refreshToken: 'refresh-0',
      idToken: 'id',
      scopes: ['a'],
      issuer: 'https://idp.test',
      renewed: world.now,
    })
  })
})

describe('once for all callers', () => {
  test.each([0, 30])(
    '50 callers over two servers, %i s before expiry: one call of the provider',
    async (left) => {
      const world = new VaultWorld()
      await world.keep()
      world.now += lifetime - left
      world.provider.after = () => new Promise((resolve) => setTimeout(resolve, 20))
      const servers = [world.server(), world.server()]
      const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => servers[i % 2]!()))
      expect(world.provider.asked).toEqual(['refresh-0'])
      const seen = new Set(tokens.map(({ accessToken }) => accessToken))
      // Ahead of expiry, those that meet the lease do not wait.
      if (left === 0) expect(seen).toEqual(new Set(['access-1']))
      else expect([...seen].every((each) => each === 'access-0' || each === 'access-1')).toBe(true)
      expect(await world.entry()).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' })
      expect((await world.entry())!.lease).toBeUndefined()
      expect(world.types()).toEqual(['upstream.renewed'])
    },
  )

  test('in one process they share one flight: one reads, waits and writes for all', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    const ask = world.server()
    world.store.calls.length = 0
    await Promise.all(Array.from({ length: 50 }, ask))
    const count = (method: string): number =>
      world.store.calls.filter((each) => each.method === method).length
    // Each caller looks once; the flight reads to take the lease and to store the new tokens.
    expect([count('get'), count('put')]).toEqual([52, 2])
  })

  test('a lost answer of the lease: it is the own one, also if the record has changed since', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    let lost = 0
    world.store.after = async ({ method, value }) => {
      if (method !== 'put' || lost++ > 0) return
      await world.write({ ...(JSON.parse(value!) as VaultEntry), scopes: ['changed'] })
      throw new UnavailableError('connection reset')
    }
    expect(await world.server()()).toMatchObject({ accessToken: 'access-1', scopes: ['changed'] })
    expect(world.provider.asked).toEqual(['refresh-0'])
  })

  test('ahead of expiry a caller that meets the lease gets the valid token at once', async () => {
    const world = new VaultWorld()
    await world.keep({ lease: { id: 'another', until: world.now + lifetime - 15 } })
    world.now += lifetime - 30
    expect((await world.server()()).accessToken).toBe('access-0')
    expect(world.provider.asked).toEqual([])
  })

  test('after expiry it waits until the holder has stored the new tokens', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now, lease: { id: 'another', until: world.now + 15 } })
    const waiting = world.server()()
    await vi.advanceTimersByTimeAsync(3000)
    await world.write({ accessToken: 'of-the-holder', expiresAt: world.now + 100 })
    expect((await settled(waiting, 1)).accessToken).toBe('of-the-holder')
    expect(world.provider.asked).toEqual([])
  })

  test('it waits no longer than the lease: 503 with Retry-After', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now, lease: { id: 'another', until: world.now + 15 } })
    world.store.calls.length = 0
    const waiting = outcome(world.server()())
    let done = false
    void waiting.then(() => (done = true))
    await vi.advanceTimersByTimeAsync(15_000)
    expect(done).toBe(false)
    expect(await settled(waiting, 4)).toBe('temporarily_unavailable 5')
    expect(world.store.calls.length).toBeLessThan(45)
    expect(world.provider.asked).toEqual([])
  })

  test('a lease from a clock that runs an hour ahead is no lease', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now, lease: { id: 'another', until: world.now + 3600 } })
    expect((await world.server()()).accessToken).toBe('access-1')
  })
})

describe('a process that dies', () => {
  test('before the provider answers: its lease runs out, and the next caller goes on', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.provider.before = (call) => (call === 1 ? never : undefined)
    world
      .server()()
      .catch(() => undefined)
    await vi.advanceTimersByTimeAsync(0)
    const waiting = world.server()()
    await vi.advanceTimersByTimeAsync(5000)
    world.now += 16
    expect((await settled(waiting, 2)).accessToken).toBe('access-1')
    expect(world.provider.asked).toEqual(['refresh-0', 'refresh-0'])
  })

  test('between the answer and the write: the user has to sign in again, told once, never a loop', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.provider.after = (call) => (call === 1 ? never : undefined)
    world
      .server()()
      .catch(() => undefined)
    await vi.advanceTimersByTimeAsync(0)
    world.now += 16
    const ask = world.server()
    expect(await outcome(ask())).toBe('invalid_grant')
    expect(await world.entry()).toBeUndefined()
    for (let i = 0; i < 3; i++) expect(await outcome(ask())).toBe('invalid_grant')
    expect(world.provider.asked).toEqual(['refresh-0', 'refresh-0'])
    expect(world.events).toEqual([
      {
        type: 'upstream.ended',
        level: 'warning',
        issuer: 'https://as.test',
        grantId: 'g',
        clientId: 'pub',
        subject: 'alice',
        detail: 'Token was used',
      },
    ])
  })

  test('after the write: nothing is lost', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.store.after = ({ method, value }) =>
      method === 'put' && value?.includes('access-1') ? never : undefined
    world
      .server()()
      .catch(() => undefined)
    await vi.waitFor(async () => expect((await world.entry())?.accessToken).toBe('access-1'))
    world.store.after = () => undefined
    expect((await world.server()()).accessToken).toBe('access-1')
    world.now += lifetime
    expect((await world.server()()).accessToken).toBe('access-2')
    expect(world.provider.asked).toEqual(['refresh-0', 'refresh-1'])
  })
})

describe('stored before it is used', () => {
  test('no caller has the new token before the store has it', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    const order: string[] = []
    world.provider.after = () => order.push('answered')
    world.store.before = ({ method, value }) => {
      if (method === 'put' && value!.includes('access-1')) order.push('stored')
    }
    await world
      .server()()
      .then(() => order.push('used'))
    expect(order).toEqual(['answered', 'stored', 'used'])
  })

  const steps = (['before', 'after'] as const).flatMap((when) => [
    ...[1, 2, 3].map((nth) => ['get', when, nth] as const),
    ...[1, 2].map((nth) => ['put', when, nth] as const),
  ])

  test.each(steps)(
    'the store fails once, at %s, %s it is carried out, call %i: nothing is lost',
    async (method, when, nth) => {
      const world = new VaultWorld()
      await world.keep({ expiresAt: world.now })
      let count = 0
      world.store[when] = (call) => {
        if (call.method === method && ++count === nth) throw new UnavailableError('connection reset')
      }
      const ask = world.server()
      const first = await outcome(ask())
      expect(['access-1', 'temporarily_unavailable 5']).toContain(first)
      expect(count).toBeGreaterThanOrEqual(nth)
      world.store[when] = () => undefined
      // The lease of a caller whose call has failed.
      if (first !== 'access-1') world.now += 16
      expect(await outcome(ask())).toBe('access-1')
      expect(await outcome(world.server()())).toBe('access-1')
      expect(world.provider.asked).toEqual(['refresh-0'])
    },
  )

  test.each(['before', 'after'] as const)(
    'a store that is down when the answer comes (%s): this process stores it later, and asks nothing twice',
    async (when) => {
      fakeTimers()
      const world = new VaultWorld()
      await world.keep({ expiresAt: world.now })
      let isDown = false
      world.provider.after = () => (isDown = true)
      world.store[when] = () => {
        if (isDown) throw new UnavailableError('connection reset')
      }
      const ask = world.server()
      expect(await settled(outcome(ask()), 5)).toBe('temporarily_unavailable 5')
      expect(world.types()).toContain('upstream.renewal-failed')
      isDown = false
      expect(await settled(outcome(ask()), 1)).toBe('access-1')
      expect(world.provider.asked).toEqual(['refresh-0'])
      expect(await world.entry()).toMatchObject({ refreshToken: 'refresh-1' })
    },
  )

  test('it is down ahead of expiry: the old token is used meanwhile', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now + 30 })
    let isDown = false
    world.provider.after = () => (isDown = true)
    world.store.before = ({ method }) => {
      if (isDown && method === 'put') throw new UnavailableError('connection reset')
    }
    const ask = world.server()
    expect(await settled(outcome(ask()), 5)).toBe('access-0')
    expect(await settled(outcome(ask()), 5)).toBe('access-0')
    isDown = false
    expect(await settled(outcome(ask()), 5)).toBe('access-1')
    expect(world.provider.asked).toEqual(['refresh-0'])
  })

  test('the vault ended while its tokens were renewed: they are revoked, and no one gets them', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.provider.after = () => world.store.delete('g:vault')
    expect(await outcome(world.server()())).toBe('invalid_grant')
    expect(world.provider.discarded).toEqual(['access-1'])
    expect([await world.entry(), world.types()]).toEqual([undefined, []])
  })
})

describe('CN12 the provider cannot be asked', () => {
  const outages: [string, unknown, number][] = [
    ['an outage', new UnavailableError('idp.test answers 500'), 5],
    ['429 with Retry-After', new UnavailableError('idp.test answers 429', { retryAfter: 30 }), 30],
    ['a Retry-After of a day', new UnavailableError('idp.test answers 503', { retryAfter: 86_400 }), 60],
    ['our credentials are refused', new OAuthError('invalid_client', 'No such client', { status: 401 }), 5],
    ['a fault', new TypeError('secret-in-the-message'), 5],
  ]

  test.each(outages)('%s: the old token as long as it is valid, and a pause', async (_, failure, pause) => {
    const world = new VaultWorld()
    await world.keep()
    const before = await world.entry()
    world.now += lifetime - 59
    world.provider.before = () => {
      throw failure
    }
    const ask = world.server()
    expect(await outcome(ask())).toBe('access-0')
    expect(await world.entry()).toEqual(before)
    world.now += Math.min(pause, 58) - 0.5
    expect(await outcome(ask())).toBe('access-0')
    expect(world.provider.asked).toHaveLength(1)
    world.provider.before = () => undefined
    world.now += 3
    expect(await outcome(ask())).toBe('access-1')
  })

  test.each(outages)(
    '%s after expiry: 503 with Retry-After, not asked again before, and nothing lost',
    async (_, failure, pause) => {
      const world = new VaultWorld()
      await world.keep({ expiresAt: world.now })
      const before = await world.entry()
      world.provider.before = () => {
        throw failure
      }
      const ask = world.server()
      expect(await outcome(ask())).toBe(`temporarily_unavailable ${pause}`)
      expect(await world.entry()).toEqual(before)
      world.now += 2
      expect(await outcome(ask())).toBe(`temporarily_unavailable ${pause - 2}`)
      expect(world.provider.asked).toHaveLength(1)
      expect(world.types()).toEqual(['upstream.renewal-failed'])
      expect(world.events[0]).toMatchObject({ level: 'warning', duration: pause })
      expect(JSON.stringify(world.events)).not.toContain('secret')
      // The lease was given up, so another process need not wait.
      world.provider.before = () => undefined
      expect(await outcome(world.server()())).toBe('access-1')
      expect(await outcome(ask())).toBe('access-1')
    },
  )

  test('it takes for ever: 503 before the lease ends, and a late answer is stored', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    let answer!: () => void
    world.provider.after = () => new Promise<void>((resolve) => (answer = resolve))
    const ask = world.server()
    expect(await settled(outcome(ask()), 13)).toBe('temporarily_unavailable 5')
    answer()
    await vi.advanceTimersByTimeAsync(0)
    expect(await outcome(ask())).toBe('access-1')
    expect(world.provider.asked).toEqual(['refresh-0'])
  })

  test('the flight of a request that ended is kept alive by waitUntil', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    const kept: Promise<unknown>[] = []
    await world.server({ requestsOwnIo: true, waitUntil: (promise) => void kept.push(promise) })()
    expect(kept.length).toBeGreaterThan(0)
    await Promise.all(kept)
  })

  test('on Workers without waitUntil, a leader whose request ended does not keep the others waiting', async () => {
    fakeTimers()
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.provider.before = (call) => (call === 1 ? never : undefined)
    const ask = world.server({ requestsOwnIo: true })
    ask().catch(() => undefined)
    await vi.advanceTimersByTimeAsync(0)
    const waiting = ask()
    await vi.advanceTimersByTimeAsync(2500)
    world.now += 16
    expect((await settled(waiting, 2)).accessToken).toBe('access-1')
  })
})

describe('CN12 the provider has ended it', () => {
  test('invalid_grant: the vault ends, and the user has to sign in again', async () => {
    const world = new VaultWorld()
    await world.keep({ refreshToken: 'of-old', expiresAt: world.now + 30 })
    const ask = world.server()
    const tokens = await Promise.all([ask(), ask(), ask()].map(outcome))
    expect(tokens).toEqual(['invalid_grant', 'invalid_grant', 'invalid_grant'])
    expect([world.provider.asked, world.types()]).toEqual([['of-old'], ['upstream.ended']])
    expect(await world.entry()).toBeUndefined()
    await expect(ask()).rejects.toThrow('sign in again')
  })

  test('invalid_grant because another process has renewed meanwhile: its tokens are used', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    world.provider.before = async () => {
      await world.write({ accessToken: 'theirs', refreshToken: 'theirs', expiresAt: world.now + 100 })
      throw new OAuthError('invalid_grant', 'Token was used')
    }
    expect(await outcome(world.server()())).toBe('theirs')
    expect(await world.entry()).toMatchObject({ accessToken: 'theirs' })
    expect(world.types()).toEqual([])
  })

  test('it renews between the last look and the end: the end does not win', async () => {
    const world = new VaultWorld()
    await world.keep({ refreshToken: 'of-old', expiresAt: world.now })
    world.store.before = async ({ method }) => {
      if (method !== 'delete') return
      world.store.before = () => undefined
      await world.write({ accessToken: 'theirs', refreshToken: 'theirs', expiresAt: world.now + 100 })
    }
    expect(await outcome(world.server()())).toBe('theirs')
    expect(world.types()).toEqual([])
  })

  test('the answer of a holder that outlived its lease counts, and that of its successor is dropped', async () => {
    const world = new VaultWorld()
    await world.keep({ expiresAt: world.now })
    let answer!: () => void
    world.provider.after = (call) =>
      call === 1 ? new Promise<void>((resolve) => (answer = resolve)) : undefined
    const slow = outcome(world.server()())
    await vi.waitFor(() => expect(answer).toBeDefined())
    world.now += 16
    world.provider.before = async (call) => {
      if (call !== 2) return
      answer()
      await slow
    }
    expect(await outcome(world.server()())).toBe('access-1')
    expect(await slow).toBe('access-1')
    expect(await world.entry()).toMatchObject({ refreshToken: 'refresh-1' })
    expect(world.types()).toEqual(['upstream.renewed'])
  })

  test('without a refresh token the access token serves until its end; then the user signs in again', async () => {
    const world = new VaultWorld()
    await world.write({ accessToken: 'only', expiresAt: world.now + 100 })
    const ask = world.server()
    world.now += 99
    expect(await outcome(ask())).toBe('only')
    world.now += 1
    const three = await Promise.all([ask(), ask(), ask()].map(outcome))
    expect(three).toEqual(['invalid_grant', 'invalid_grant', 'invalid_grant'])
    expect(await outcome(ask())).toBe('invalid_grant')
    expect([world.types(), await world.entry()]).toEqual([['upstream.ended'], undefined])
    expect(world.provider.asked).toEqual([])
  })
})

test('ST1 no token in events and errors', async () => {
  const world = new VaultWorld()
  await world.keep({ expiresAt: world.now })
  const ask = world.server()
  await ask()
  world.now += lifetime
  world.provider.before = () => {
    throw new UnavailableError('down')
  }
  const failure = await ask().catch((error: Error) => error)
  world.provider.before = () => undefined
  await world.keep({ refreshToken: 'refresh-of-old', expiresAt: world.now })
  const ended = await world
    .server()()
    .catch((error: Error) => error)
  const told = JSON.stringify([world.events, String(failure), String(ended)])
  expect(world.types()).toEqual(['upstream.renewed', 'upstream.renewal-failed', 'upstream.ended'])
  expect(told).not.toMatch(/access-|refresh-\d|refresh-of/)
})
