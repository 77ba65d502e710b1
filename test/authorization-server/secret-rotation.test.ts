// A client that refreshes and calls all the time, while keys rotate under it.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { describe, expect, test } from 'vitest'
import type { EmbeddedAuthorizationServer } from '../../src/authorization-server/index.ts'
import { createResourceServer } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { answered, header, ok, refusal, RES_A, Rig, secret } from '../support/as.ts'

type Guard = (request: Request) => Promise<Response>
type Jwk = Record<string, string>

const algorithms = ['ES256', 'EdDSA', 'RS256'] as const
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']

/** A guard in another deployment: it knows the issuer's URL and fetches the key set as its headers allow. */
function remoteGuard(rig: Rig, as: () => EmbeddedAuthorizationServer): { guard: Guard; fetched: string[] } {
  const fetched: string[] = []
  const guard = createResourceServer({
    resource: RES_A,
    authorizationServers: [rig.issuer],
    clock: () => rig.now,
    fetch: (input, init) => {
      const request = new Request(input, init)
      fetched.push(request.url)
      return answered(as().handle(request))
    },
  }).protect(() => new Response('ok'))
  return { guard, fetched }
}

async function keySet(
  rig: Rig,
  as: EmbeddedAuthorizationServer,
): Promise<{ keys: Jwk[]; cacheControl: string | null }> {
  const response = await answered(as.handle(new Request(rig.path('jwks'))))
  const { keys } = (await response.json()) as { keys: Jwk[] }
  return { keys, cacheControl: response.headers.get('cache-control') }
}

function expectPublic(keys: readonly Jwk[], algorithm: string): void {
  for (const key of keys) {
    expect(key).toMatchObject({ alg: algorithm, use: 'sig' })
    expect(key['kid']).toMatch(/^[\w-]{43}$/)
    for (const name of privateMembers) expect(key).not.toHaveProperty(name)
  }
}

describe.each(algorithms)('%s', (algorithm) => {
  test('MD4 three rotations: two instances, a co-located and a remote guard, no error', async () => {
    const step = 300
    const rig = new Rig({ keys: { algorithm, rotateAfter: 7200, publishAhead: 3600 } })
    const instances = [rig.as, rig.twin()] as const
    const remote = remoteGuard(rig, () => instances[1])
    let { refresh_token: refreshToken, access_token: first } = await rig.tokens()
    let alive = [{ token: first, until: rig.now + 900 }]
    const kids = new Set<unknown>()
    const statuses: number[] = []

    for (let i = 0; kids.size < 4 && i < 200; i++) {
      rig.now += step
      const refreshed = await ok(await rig.refresh(refreshToken, {}, instances[i % 2]))
      refreshToken = refreshed.refresh_token
      const { kid } = header(refreshed.access_token)
      kids.add(kid)
      alive = alive.filter(({ until }) => until > rig.now)
      alive.push({ token: refreshed.access_token, until: rig.now + 900 })
      const calls = alive.flatMap(({ token }) => [rig.call(token), rig.call(token, remote.guard)])
      statuses.push(...(await Promise.all(calls)))

      // Whatever signs is published at every instance, and so is whatever has signed a living token.
      for (const as of instances) {
        const { keys, cacheControl } = await keySet(rig, as)
        expectPublic(keys, algorithm)
        expect(cacheControl).toMatch(/^public, max-age=\d+$/)
        const published = keys.map((each) => each['kid'])
        for (const { token } of alive) expect(published).toContain(header(token)['kid'])
        expect(published.length).toBeLessThanOrEqual(3)
      }
    }
    expect(kids.size).toBe(4)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(remote.fetched).toContain(rig.path('jwks'))
    // Long after, the first keys are gone.
    rig.now += 7200 + step
    await ok(await rig.refresh(refreshToken))
    expect((await keySet(rig, rig.as)).keys.map((each) => each['kid'])).not.toContain([...kids][0])
  })

  test('MD4 keys from the configuration, exchanged by deploying: published, signing, retired', async () => {
    const [one, two] = await Promise.all([privateKey(algorithm), privateKey(algorithm)])
    const rig = new Rig({ keys: { jwks: [one!] } })
    let live = rig.as
    const remote = remoteGuard(rig, () => live)
    const use = async (
      refreshToken: string,
    ): Promise<{ refreshToken: string; kid: unknown; token: string }> => {
      const tokens = await ok(await rig.refresh(refreshToken, {}, live))
      const token = tokens.access_token
      expect(await rig.call(token, remote.guard)).toBe(200)
      return { refreshToken: tokens.refresh_token, kid: header(token)['kid'], token }
    }
    const start = await rig.tokens()
    const first = await use(start.refresh_token)
    live = rig.twin({ keys: { jwks: [one!, two!] } })
    rig.now += 600
    const second = await use(first.refreshToken)
    expect(second.kid).toBe(first.kid)
    live = rig.twin({ keys: { jwks: [two!, one!] } })
    const third = await use(second.refreshToken)
    expect(third.kid).not.toBe(first.kid)
    expect(await rig.call(second.token, remote.guard)).toBe(200)
    const { keys } = await keySet(rig, live)
    expectPublic(keys, algorithm)
    expect(keys.map((each) => each['kid'])).toEqual([third.kid, first.kid])
    rig.now += 906
    live = rig.twin({ keys: { jwks: [two!] } })
    const fourth = await use(third.refreshToken)
    expect(fourth.kid).toBe(third.kid)
    expect(await rig.call(first.token, remote.guard)).toBe(401)
    // Not in the store: neither the private nor the public part.
    expect(JSON.stringify(rig.store.written)).not.toContain(two!['x'] ?? two!['n'])
  })
})

test('MD4 a store that is down while a key is due: the old key goes on signing and verifying', async () => {
  const rig = new Rig({ keys: { rotateAfter: 7200, publishAhead: 3600 } })
  const tokens = await rig.tokens()
  rig.now += 600
  rig.store.before = ({ key }) => {
    if (key.endsWith('keys:ring')) throw new Error('down')
  }
  const refreshed = await ok(await rig.refresh(tokens.refresh_token))
  expect(header(refreshed.access_token)['kid']).toBe(header(tokens.access_token)['kid'])
  expect(await rig.call(refreshed.access_token)).toBe(200)
})

async function privateKey(algorithm: string): Promise<Jwk> {
  const { privateKey: key } = await generateKeyPair(algorithm, { extractable: true })
  return (await exportJWK(key)) as Jwk
}

/** Holds the answers to reads of records whose key ends so, until `letGo` is called. */
function holdReads(rig: Rig, end: string): { held: () => number; letGo: () => void } {
  let letGo = (): void => undefined
  let held = 0
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  rig.store.after = ({ method, key }) => {
    if (method !== 'get' || !key.endsWith(end) || held > 0) return undefined
    held++
    return gate
  }
  return { held: () => held, letGo }
}

test('S16 a read of the ring that began before revokeAll() does not bring the old epoch and key back', async () => {
  const rig = new Rig({ checkRevocation: 0 })
  const tokens = await rig.tokens()
  rig.now += 301
  const { held, letGo } = holdReads(rig, 'keys:ring')
  const early = keySet(rig, rig.as)
  while (held() === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await rig.as.revokeAll()
  letGo()
  await early
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await rig.call(tokens.access_token)).toBe(401)
  expect((await keySet(rig, rig.as)).keys.map((each) => each['kid'])).not.toContain(
    header(tokens.access_token)['kid'],
  )
})

test('S16 a failover that loses revokeAll(): the instance that knows the new epoch keeps it, and writes it back', async () => {
  const store = memoryStore()
  const rig = new Rig({ store })
  const tokens = await rig.tokens()
  const ring = rig.store.written.find(({ key }) => key.endsWith('keys:ring'))!
  await rig.as.revokeAll()
  const { version } = (await store.get(ring.key))!
  await store.put(ring.key, ring.value, { ifVersion: version })
  rig.now += 301
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await refusal(await rig.refresh(tokens.refresh_token, {}, rig.twin()))).toBe('400 invalid_grant')
})

test('S16 a read that began before block() does not unblock the client', async () => {
  const rig = new Rig()
  const tokens = await rig.tokens()
  rig.now += 61
  const { held, letGo } = holdReads(rig, ':block')
  const early = rig.refresh(tokens.refresh_token)
  while (held() === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await rig.as.clients.block('pub')
  letGo()
  expect(await refusal(await early)).toBe('401 invalid_client')
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('401 invalid_client')
})

test.each(algorithms)(
  'S22 %s: the public key is derived from the wrapped private one, whatever the record says',
  async (algorithm) => {
    const store = memoryStore()
    const rig = new Rig({ store, keys: { algorithm } })
    const tokens = await rig.tokens()
    const { keys } = await keySet(rig, rig.as)
    const { key } = rig.store.written.find((each) => each.key.endsWith('keys:ring'))!
    const { value, version } = (await store.get(key))!
    const ring = JSON.parse(value) as { keys: Record<string, unknown>[] }
    const { d: _d, ...foreign } = await privateKey(algorithm)
    ring.keys[0]!['jwk'] = { ...foreign, alg: algorithm, use: 'sig', kid: keys[0]!['kid'] }
    await store.put(key, JSON.stringify(ring), { ifVersion: version })
    const started = rig.twin()
    expect((await keySet(rig, started)).keys).toEqual(keys)
    const verified = started.verifier(RES_A, { clock: () => rig.now }).verify(tokens.access_token)
    expect((await verified).subject).toBe('alice')
  },
)

test('TK18 the deployment secret, the new one first: nothing ends; the old one dropped: its clients do, and revokeAll starts anew', async () => {
  const rig = new Rig()
  const { client_id: id } = (await (
    await rig.register({ redirect_uris: ['https://app.test/cb'] })
  ).json()) as {
    client_id: string
  }
  const tokens = await rig.tokens(id)
  const next = 'the next deployment secret, made by chance as well'
  const both = rig.twin({ secret: [next, secret] })
  const refreshed = await ok(await rig.refresh(tokens.refresh_token, { client_id: id }, both))

  const renewed = rig.twin({ secret: next })
  expect(await refusal(await rig.refresh(refreshed.refresh_token, { client_id: id }, renewed))).toBe(
    '401 invalid_client',
  )
  // The signing key lies there under the old one.
  const approved = await rig.approve('pub')
  const unopened = await rig.redeem(approved, {}, renewed)
  expect(unopened.headers.get('retry-after')).not.toBeNull()
  expect(await refusal(unopened)).toBe('503 temporarily_unavailable')
  await renewed.revokeAll()
  expect(await refusal(await rig.redeem(approved, {}, renewed))).toBe('400 invalid_grant')
  expect((await keySet(rig, renewed)).keys).toHaveLength(1)
})
