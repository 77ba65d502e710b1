import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { expect, test } from 'vitest'
import { header, ok, Rig } from '../support/as.ts'

const kid = (token: string): unknown => header(token)['kid']

test('many instances start at once: one ring, with which all sign and verify', async () => {
  const rig = new Rig()
  const approved = await Promise.all(
    Array.from({ length: 20 }, (_, i) => rig.approve('pub', { subject: `user ${i}` })),
  )
  const fresh = new Rig({ store: rig.store })
  fresh.now = rig.now
  const twins = Array.from({ length: 20 }, () => rig.twin())
  const tokens = await Promise.all(approved.map(async (each, i) => ok(await rig.redeem(each, {}, twins[i]))))
  expect(new Set(tokens.map(({ access_token }) => kid(access_token))).size).toBe(1)
  expect(rig.store.written.filter(({ key }) => key.endsWith(':ring'))).toHaveLength(1)
  for (const { access_token } of tokens) expect(await fresh.call(access_token)).toBe(200)
})

test('instances that create the ring at the same moment: one winner', async () => {
  const rig = new Rig()
  const twins = Array.from({ length: 10 }, () => rig.twin())
  const sets = await Promise.all(
    twins.map(async (twin) => {
      const response = (await twin.handle(new Request(rig.path('jwks'))))!
      return JSON.stringify(await response.json())
    }),
  )
  expect(new Set(sets).size).toBe(1)
  expect(rig.store.written).toHaveLength(1)
})

test('the ring is read again every 300 s, and not before', async () => {
  const rig = new Rig()
  await rig.tokens()
  const reads = (): number =>
    rig.store.calls.filter(({ key, method }) => method === 'get' && key.endsWith(':ring')).length
  const before = reads()
  rig.now += 299
  await rig.get(rig.path('jwks'))
  expect(reads()).toBe(before)
  rig.now += 1
  await rig.get(rig.path('jwks'))
  expect(reads()).toBe(before + 1)
})

test('a store that fails is borne for an hour, then nothing is signed', async () => {
  const rig = new Rig()
  const tokens = await rig.tokens()
  rig.store.before = ({ key }) => {
    if (key.endsWith(':ring')) throw new Error('down')
  }
  rig.now += 1000
  const next = await ok(await rig.refresh(tokens.refresh_token))
  rig.now += 3600
  expect((await rig.refresh(next.refresh_token)).status).toBe(503)
  rig.store.before = () => undefined
  await ok(await rig.refresh(next.refresh_token))
})

test('a client that refreshes and calls all the time while keys rotate three times sees no error', async () => {
  const rig = new Rig({ keys: { rotateAfter: 7 * 86_400 } })
  const twin = rig.twin()
  let { refresh_token: token, access_token: access } = await rig.tokens()
  const kids = new Set<unknown>()
  for (let hour = 0; hour < 24 * 25; hour += 5) {
    rig.now += 5 * 3600 - 890
    const next = await ok(await rig.refresh(token, {}, hour % 2 ? twin : rig.as))
    ;({ refresh_token: token, access_token: access } = next)
    kids.add(kid(access))
    rig.now += 890
    expect(await rig.call(access)).toBe(200)
  }
  expect(kids.size).toBeGreaterThanOrEqual(4)
})

test('after long silence the old key signs until the next was published long enough', async () => {
  const rig = new Rig()
  const first = await rig.tokens()
  rig.now += 100 * 86_400
  const later = await rig.tokens()
  expect(kid(later.access_token)).toBe(kid(first.access_token))
  rig.now += 86_400
  const turned = await rig.tokens()
  expect(kid(turned.access_token)).not.toBe(kid(first.access_token))
})

test.each([
  ['ES256', 'ES256'],
  ['EdDSA', 'EdDSA'],
  ['RS256', 'RS256'],
])(
  'keys from the configuration: %s signs, the other is published, nothing is made here',
  async (algorithm) => {
    const jwks = await Promise.all(
      [algorithm, 'ES256'].map(async (each) => {
        const { privateKey } = await generateKeyPair(each, { extractable: true })
        return exportJWK(privateKey)
      }),
    )
    const rig = new Rig({ keys: { jwks } })
    const tokens = await rig.tokens()
    expect(header(tokens.access_token)['alg']).toBe(algorithm)
    expect(await rig.call(tokens.access_token)).toBe(200)
    const { keys } = (await (await rig.get(rig.path('jwks')))!.json()) as { keys: object[] }
    expect(keys).toHaveLength(2)
    for (const key of keys) for (const member of ['d', 'p', 'q']) expect(key).not.toHaveProperty(member)
    expect(rig.store.written.filter(({ key }) => key.endsWith(':ring'))).toEqual([])
    const rotated = new Rig({ keys: { jwks: [jwks[1]!, jwks[0]!] }, store: rig.store })
    rotated.now = rig.now
    expect(await rotated.call(tokens.access_token)).toBe(200)
  },
)

test('revokeAll with keys from the configuration: grants die with the epoch', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const rig = new Rig({ keys: { jwks: [await exportJWK(privateKey)] }, checkRevocation: 0 })
  const tokens = await rig.tokens()
  await rig.as.revokeAll()
  expect((await rig.refresh(tokens.refresh_token)).status).toBe(400)
  expect(await rig.call(tokens.access_token)).toBe(401)
})
