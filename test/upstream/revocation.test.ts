// A grant that is revoked takes its upstream tokens along: once, in the background, and only then.
import { describe, expect, test } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { createContext } from '../../src/authorization-server/create-context.ts'
import type { Links } from '../../src/authorization-server/links.ts'
import { UnavailableError } from '../../src/errors.ts'
import type { Provider, SignInProfile, UpstreamAccess, UpstreamTokens } from '../../src/types.ts'
import { refusal, Rig, signedOut, type Approved, type Tokens } from '../support/as.ts'
import { ToolWorld } from './tool-world.ts'

const issuer = 'https://idp.test'

/** A server whose grants have upstream tokens. */
class RevocationRig extends Rig {
  readonly revoked: UpstreamTokens[] = []
  readonly kept: Promise<unknown>[] = []
  readonly errors: string[] = []
  failure: Error | undefined

  constructor(options: Partial<AuthorizationServerOptions> = {}, access: Partial<UpstreamAccess> = {}) {
    super({
      signIn: { ...signedOut, upstreams: [] },
      waitUntil: (promise) => void this.kept.push(promise),
      onError: (_, { where }) => void this.errors.push(where),
      ...options,
    })
    const upstreams = this.options.signIn.upstreams as UpstreamAccess[]
    upstreams.push({
      provider: 'idp',
      issuer,
      token: async ({ update }) => update((entry) => ({ result: { accessToken: entry!.accessToken } })),
      revoke: async (tokens) => {
        this.revoked.push(tokens)
        if (this.failure !== undefined) throw this.failure
      },
      ...access,
    })
  }

  connected(name = 'a', more: Parameters<Rig['tokens']>[1] = {}): Promise<Tokens & Approved> {
    return this.tokens('pub', { upstream: upstreamTokens(name), ...more })
  }

  /** What was revoked, after the background work. */
  async ended(): Promise<(string | undefined)[]> {
    await Promise.all(this.kept)
    return this.revoked.map(({ refreshToken }) => refreshToken)
  }
}

const upstreamTokens = (name: string, from = issuer): UpstreamTokens => ({
  accessToken: `access-${name}`,
  refreshToken: `refresh-${name}`,
  issuer: from,
})

/** When the provider has rotated the tokens, and before it answers. */
function afterRotation({ idp }: ToolWorld, work: () => Promise<void>): void {
  idp.on('/token', async (request) => {
    idp.on('/token', () => undefined)
    const answer = await idp.handle(request)
    await work()
    return answer
  })
}

type Way = (rig: RevocationRig) => Promise<unknown>

const ways: [string, Way, Partial<AuthorizationServerOptions>?][] = [
  ['grants.revoke of one', async (rig) => rig.as.grants.revoke('alice', (await rig.connected()).grantId)],
  [
    'grants.revoke of all',
    async (rig) => {
      await rig.connected()
      await rig.as.grants.revoke('alice')
    },
  ],
  [
    'the revocation endpoint',
    async (rig) => {
      const { refresh_token: token } = await rig.connected()
      await rig.post({ client_id: 'pub', token }, { url: rig.path('revoke') })
    },
  ],
  [
    'reuse of a refresh token',
    async (rig) => {
      const { refresh_token } = await rig.connected()
      await rig.refresh(refresh_token)
      rig.now += 60
      expect(await refusal(await rig.refresh(refresh_token))).toBe('400 invalid_grant')
    },
  ],
  [
    'replay of a code',
    async (rig) => {
      const approved = await rig.connected()
      rig.now += 6
      expect(await refusal(await rig.redeem(approved))).toBe('400 invalid_grant')
    },
  ],
  [
    'denial by onTokens',
    async (rig) => {
      const { refresh_token } = await rig.connected()
      expect(await refusal(await rig.refresh(refresh_token))).toBe('400 invalid_grant')
    },
    { onTokens: ({ grantType }) => (grantType === 'refresh_token' ? { deny: 'disabled' } : undefined) },
  ],
  [
    'eviction over the bound of a user',
    async (rig) => {
      await rig.connected()
      for (let i = 0; i < 100; i++) {
        rig.now++
        await rig.tokens()
      }
    },
  ],
]

describe('revoking a grant revokes upstream', () => {
  test.each(ways)('%s: once, kept alive by waitUntil', async (_, way, options) => {
    const rig = new RevocationRig(options)
    await way(rig)
    expect(await rig.ended()).toEqual(['refresh-a'])
    expect(rig.revoked[0]).toEqual(upstreamTokens('a'))
    expect(rig.kept.length).toBeGreaterThan(0)
    await rig.as.grants.revoke('alice')
    expect(await rig.ended()).toEqual(['refresh-a'])
  })

  test('grants without upstream tokens, and those of a provider that is not configured, ask nothing', async () => {
    const rig = new RevocationRig()
    await rig.tokens()
    await rig.tokens('pub', { upstream: upstreamTokens('b', 'https://other.test') })
    await rig.as.grants.revoke('alice')
    expect(await rig.ended()).toEqual([])
  })

  test('not before the tombstone stands', async () => {
    const rig = new RevocationRig()
    const { grantId } = await rig.connected()
    const isDown = { tombstones: true }
    rig.store.before = ({ value }) => {
      if (isDown.tombstones && value?.includes('"state":"revoked"')) throw new UnavailableError('down')
    }
    await expect(rig.as.grants.revoke('alice', grantId)).rejects.toThrow(UnavailableError)
    expect(await rig.ended()).toEqual([])
    isDown.tombstones = false
    await rig.as.grants.revoke('alice', grantId)
    expect(await rig.ended()).toEqual(['refresh-a'])
  })

  test('a lost answer of the tombstone: once all the same', async () => {
    const rig = new RevocationRig()
    const { grantId } = await rig.connected()
    let lost = 0
    rig.store.after = ({ value }) => {
      if (value?.includes('"state":"revoked"') && lost++ === 0) throw new UnavailableError('connection reset')
    }
    await rig.as.grants.revoke('alice', grantId)
    expect([lost, await rig.ended()]).toEqual([1, ['refresh-a']])
  })

  test('two instances revoke at the same time: one of them asks', async () => {
    const rig = new RevocationRig()
    const { grantId } = await rig.connected()
    await Promise.all([rig.as, rig.twin()].map((as) => as.grants.revoke('alice', grantId)))
    expect(await rig.ended()).toEqual(['refresh-a'])
  })

  test('a provider that fails, or never answers, does not keep the user from disconnecting', async () => {
    const rig = new RevocationRig()
    const { grantId } = await rig.connected()
    rig.failure = new Error('a bug of an access')
    await rig.as.grants.revoke('alice', grantId)
    expect(await rig.ended()).toEqual(['refresh-a'])
    expect(rig.errors).toEqual(['signIn.upstreams'])
    const slow = new RevocationRig({}, { revoke: () => new Promise<never>(() => undefined) })
    await slow.as.grants.revoke('alice', (await slow.connected()).grantId)
    expect(await slow.as.grants.list('alice')).toEqual([])
  })

  test('renewed tokens of a grant that ended meanwhile are revoked as well', async () => {
    const world = new ToolWorld()
    world.idp.lifetime = 300
    await world.connect()
    world.endsIn(0)
    const auth = await world.auth()
    afterRotation(world, () => world.rig.as.grants.revoke(auth.subject!))
    await expect(auth.upstream()).rejects.toMatchObject({ code: 'invalid_grant' })
    await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toContain('upstream-refresh-1')
    await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toContain('upstream-refresh-0')
  })
})

describe('a provider whose revocation ends all tokens of the user', () => {
  const rigOf = (): RevocationRig => new RevocationRig({}, { revocationEndsAll: true })

  test('it waits for the last grant', async () => {
    const rig = rigOf()
    const [first, second] = [await rig.connected('a'), await rig.connected('b')]
    await rig.as.grants.revoke('alice', first.grantId)
    expect(await rig.ended()).toEqual([])
    await rig.as.grants.revoke('alice', second.grantId)
    expect(await rig.ended()).toEqual(['refresh-b'])
  })

  test('all at once: the last one asks', async () => {
    const rig = rigOf()
    for (const name of ['a', 'b', 'c']) await rig.connected(name)
    await rig.as.grants.revoke('alice')
    expect((await rig.ended()).length).toBeGreaterThan(0)
  })

  test('grants of another user, of another provider, without tokens, and codes that expired do not count', async () => {
    const rig = rigOf()
    const { grantId } = await rig.connected('a')
    await rig.connected('b', { subject: 'bob' })
    await rig.tokens('pub', { upstream: upstreamTokens('c', 'https://other.test') })
    await rig.tokens()
    await rig.approve('pub', { upstream: upstreamTokens('d'), repeatableUntil: rig.now + 600 })
    rig.now += 61
    await rig.as.grants.revoke('alice', grantId)
    expect(await rig.ended()).toEqual(['refresh-a'])
  })

  test('an account that the user has linked there counts', async () => {
    const linked = new Set(['bob'])
    const links: Links = {
      routes: () => new Map(),
      url: () => Promise.reject(new Error('not used')),
      upstream: () => Promise.reject(new Error('not used')),
      has: async (subject, at) => linked.has(subject) && at === issuer,
      section: async () => undefined,
      unlink: async () => undefined,
    }
    const rig = new RevocationRig({ links: { attach: () => links } }, { revocationEndsAll: true })
    const [alice, bob] = [await rig.connected('a'), await rig.connected('b', { subject: 'bob' })]
    await rig.as.grants.revoke('bob', bob.grantId)
    expect(await rig.ended()).toEqual([])
    await rig.as.grants.revoke('alice', alice.grantId)
    expect(await rig.ended()).toEqual(['refresh-a'])
  })

  test('a code on its way counts', async () => {
    const rig = rigOf()
    const { grantId } = await rig.connected('a')
    await rig.approve('pub', { upstream: upstreamTokens('b') })
    await rig.as.grants.revoke('alice', grantId)
    expect(await rig.ended()).toEqual([])
  })

  test('a grant that is listed and not written yet counts', async () => {
    const rig = rigOf()
    const { grantId } = await rig.connected('a')
    const grants = rig.context.grants
    let write!: () => void
    rig.store.before = ({ method, key, ifVersion }) =>
      method === 'put' && key.endsWith(':grant') && ifVersion === null
        ? new Promise<void>((resolve) => (write = resolve))
        : undefined
    const approving = rig.approve('pub', { upstream: upstreamTokens('b') })
    await expect.poll(() => write, { timeout: 10_000 }).toBeDefined()
    await grants.revoke('alice', grantId)
    expect([await rig.ended(), rig.errors]).toEqual([[], []])
    write()
    await approving
  })

  test('upstream() of such a provider: a renewal that comes too late ends nobody else’s tokens', async () => {
    const signIn = { revocationEndsAll: true } as Partial<SignInProfile>
    const world = new ToolWorld()
    const provider = { signIn: { ...world.idp.provider().signIn!, ...signIn } } as Partial<Provider>
    const google = new ToolWorld({ provider })
    google.idp.lifetime = 300
    await google.connect()
    google.endsIn(0)
    const auth = await google.auth()
    afterRotation(google, () => google.rig.as.grants.revoke(auth.subject!))
    await expect(auth.upstream()).rejects.toMatchObject({ code: 'invalid_grant' })
    await expect.poll(() => google.idp.revoked, { timeout: 10_000 }).toEqual(['upstream-refresh-0'])
    expect(google.renewals()).toBeGreaterThan(0)
  })
})

test('what ended by the provider itself is not revoked there: with some, that would end other grants', async () => {
  const rig = new RevocationRig({}, { token: ({ update }) => update(() => ({ write: null, result: none })) })
  const none = { accessToken: 'none' }
  const { refresh_token, grantId } = await rig.connected()
  await rig.refresh(refresh_token)
  expect(await rig.context.grants.live(grantId)).toBeUndefined()
  expect(await rig.ended()).toEqual([])
})

test('events of a verdict are told only if it stands', async () => {
  const rig = new RevocationRig({
    onTokens: ({ grantType }) => (grantType === 'refresh_token' ? { deny: 'no' } : undefined),
  })
  const { refresh_token } = await rig.connected()
  rig.store.before = ({ method }) => {
    if (method === 'put') throw new UnavailableError('down')
  }
  rig.events.length = 0
  expect(await refusal(await rig.refresh(refresh_token))).toBe('503 temporarily_unavailable')
  expect(rig.events.map(({ type }) => type)).not.toContain('grant.denied')
  rig.store.before = () => undefined
  expect(await refusal(await rig.refresh(refresh_token))).toBe('400 invalid_grant')
  expect(rig.events.filter(({ type }) => type === 'grant.denied')).toHaveLength(1)
})

test('nothing is added to a server whose sign-in has no upstreams', () => {
  expect(createContext(new Rig().options).context.revokeUpstream).toBeUndefined()
})
