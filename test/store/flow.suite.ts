// The authorization server on a store, against every driver with the real thing behind it: its rows in every setting, and
// what only shows at the backend itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InvalidTokenError } from '../../src/errors.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { randomToken } from '../../src/lib/random.ts'
import { garbageMargin, type Store } from '../../src/store/contract.ts'
import type { Awaitable } from '../../src/types.ts'
import { allSettings, newIssuer, tokenSuite } from './tokens.suite.ts'
import { ok, refusal, RES_A, resources, Rig, secret } from '../support/as.ts'
import { storeSuite, type StoreHarness } from './store.suite.ts'

const connections = 5

/** The contract, and what is built on it. */
export function storeAndFlowSuite(driver: string, open: () => Awaitable<StoreHarness>): void {
  storeSuite(driver, open)
  describe(`the authorization server on ${driver}`, () => {
    let harness: StoreHarness
    let stores: Store[]
    beforeAll(async () => {
      harness = await open()
      stores = await Promise.all(Array.from({ length: connections }, () => harness.connect()))
    })
    afterAll(() => harness?.close?.())

    for (const settings of allSettings) tokenSuite(() => stores, settings)
    const rig = (options: Partial<AuthorizationServerOptions> = {}): Rig => {
      const made = new Rig({ issuer: newIssuer(), store: stores[0]!, checkRevocation: 0, ...options })
      made.now = Math.floor(Date.now() / 1000)
      return made
    }

    test.each(['jwt', 'opaque'] as const)(
      'ST4 the backend out of reach, %s: 503 and Retry-After, and nothing is consumed',
      async (accessTokens) => {
        const r = rig({ resources: { [RES_A]: { ...resources[RES_A]!, accessTokens } } })
        const down = r.twin({ store: await harness.outage() })
        const unavailable = async (response: Response): Promise<void> => {
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
          expect(await refusal(response)).toBe('503 temporarily_unavailable')
        }
        const approved = await r.approve('pub')
        await unavailable(await r.redeem(approved, {}, down))
        const { refresh_token: token, access_token } = await ok(await r.redeem(approved))
        await unavailable(await r.refresh(token, {}, down))
        await unavailable(await r.post({ client_id: 'pub', token }, { url: r.path('revoke'), as: down }))
        const verified = down.verifier(RES_A, { clock: () => r.now }).verify(access_token)
        await expect(verified).rejects.not.toBeInstanceOf(InvalidTokenError)
        await ok(await r.refresh(token))
      },
    )

    test('ST6 two issuers on one store: codes, tokens and users of one are nothing to the other', async () => {
      const [one, other] = [rig(), rig({ store: stores[1]! })]
      const approved = await one.approve('pub')
      expect(await refusal(await other.redeem(approved))).toBe('400 invalid_grant')
      const tokens = await ok(await one.redeem(approved))
      expect(await refusal(await other.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
      expect(await other.call(tokens.access_token)).toBe(401)
      expect(await other.as.grants.list('alice')).toEqual([])
      await other.as.grants.revoke('alice')
      await other.as.clients.block('pub')
      await ok(await one.refresh(tokens.refresh_token))
    })

    test('ST5 ten instances start at once on an empty store: one key ring', async () => {
      const r = rig()
      const rings = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const as = r.twin({ store: stores[i % connections]! })
          return (await as.handle(new Request(`${r.issuer}/jwks.json`)))!.text()
        }),
      )
      expect(new Set(rings).size).toBe(1)
      expect(JSON.parse(rings[0]!)).toHaveProperty('keys.0.kty', 'EC')
    })

    test.each(['jwt', 'opaque'] as const)(
      'ST1 a dump after a full run, %s, holds nothing usable',
      async (accessTokens) => {
        const { recorder, writes } = recording(stores[0]!)
        const one = { ...resources[RES_A]!, accessTokens }
        const r = rig({ store: recorder, resources: { [RES_A]: one } })
        const props = { planted: `props-${randomToken()}`, large: 'x'.repeat(2000) }
        const upstream = {
          accessToken: `upstream-${randomToken()}`,
          refreshToken: `upstream-${randomToken()}`,
        }
        const first = await r.tokens('pub', { props, upstream })
        const second = await ok(await r.refresh(first.refresh_token))
        const parts = [first.code, first.refresh_token, second.refresh_token].flatMap((token) =>
          token.split('.').slice(1),
        )
        const planted = [
          ...parts,
          first.access_token,
          second.access_token,
          first.verifier,
          props.planted,
          upstream.accessToken,
          upstream.refreshToken,
          secret,
          '"d":',
        ]
        expect(parts).toHaveLength(5)
        const kinds = new Set(writes.map(({ key }) => key.split(':').at(-1)))
        expect([...kinds].sort()).toEqual(expect.arrayContaining(['grant', 'ring']))
        const forms = writes.flatMap(({ key, value }) => [key, ...readings(value)])
        // The search finds what is there: the user's list names the grant.
        expect(forms.some((form) => form.includes(first.grantId))).toBe(true)
        for (const value of planted) expect(forms.filter((form) => form.includes(value))).toEqual([])
      },
    )

    test('ST2 two grants with each other’s sealed values: neither gives anything away', async () => {
      const { recorder, writes } = recording(stores[0]!)
      const r = rig({ store: recorder })
      const tokens: string[] = []
      for (const name of ['alice', 'bob']) {
        const upstream = { accessToken: `upstream of ${name}` }
        tokens.push((await r.tokens('pub', { subject: name, upstream })).access_token)
      }
      const upstreamOf = async (token: string): Promise<string> =>
        (await (await r.as.verifier(RES_A, { clock: () => r.now }).verify(token)).upstream!()).accessToken
      expect(await upstreamOf(tokens[0]!)).toBe('upstream of alice')
      const keys = [...new Set(writes.map(({ key }) => key).filter((key) => key.endsWith(':grant')))]
      expect(keys).toHaveLength(2)
      const records = await Promise.all(keys.map((key) => stores[0]!.get(key)))
      const sealed = records.map((record) => (JSON.parse(record!.value) as { upstream: string }).upstream)
      for (const [i, key] of keys.entries()) {
        const { value, version, expiresAt } = records[i]!
        const swapped = value.replace(sealed[i]!, sealed[1 - i]!)
        await stores[0]!.put(key, swapped, { ifVersion: version, expiresAt: expiresAt! })
      }
      for (const token of tokens) await expect(upstreamOf(token)).rejects.toThrow()
    })

    test('ST3 every record has an end, and nothing is left of it after a purge', async () => {
      const { recorder, writes } = recording(stores[0]!)
      const r = rig({ store: recorder })
      const { refresh_token: token } = await r.tokens()
      await ok(await r.refresh(token))
      const lifetime = 180 * 86_400
      const ended = writes.filter(({ key }) => !key.endsWith(':ring'))
      expect(ended.length).toBeGreaterThan(2)
      for (const { expiresAt } of ended) {
        expect(expiresAt).toBeGreaterThan(r.now)
        expect(expiresAt).toBeLessThanOrEqual(r.now + lifetime)
      }
      r.now += lifetime
      expect(await refusal(await r.refresh(token))).toBe('400 invalid_grant')
      if (!('sweep' in stores[0]!)) return
      const sweep = stores[0].sweep as (now: number) => Promise<number>
      while ((await sweep(r.now + garbageMargin + 1)) > 0);
      for (const { key } of ended) expect(await stores[0].get(key)).toBeUndefined()
    })
  })
}

interface Write {
  key: string
  value: string
  expiresAt: number | undefined
}

/** Everything that was ever written, as the backend itself gives it back. */
function recording(store: Store): { recorder: Store; writes: Write[] } {
  const writes: Write[] = []
  const recorder: Store = {
    ...store,
    put: async (key, value, options) => {
      const version = await store.put(key, value, options)
      const held = await store.get(key)
      if (held !== undefined) writes.push({ key, value: held.value, expiresAt: held.expiresAt })
      return version
    },
  }
  return { recorder, writes }
}

/** A value as it is, URL-decoded, and with every run of base64, base64url or hex decoded. */
function readings(value: string): string[] {
  const runs = value.match(/[A-Za-z0-9+/_-]{16,}/g) ?? []
  const decoded = runs.flatMap((run) => {
    const base64 = run.replaceAll('-', '+').replaceAll('_', '/')
    const bytes = [0, 1, 2, 3].map((offset) => atob(whole(base64.slice(offset))))
    const hex = /^[0-9a-f]+$/i.test(run)
      ? run.replaceAll(/../g, (pair) => String.fromCharCode(parseInt(pair, 16)))
      : ''
    return [...bytes, hex]
  })
  return [value, unescaped(value), ...decoded]
}

/** atob takes whole groups of four. */
const whole = (text: string): string => text.slice(0, text.length - (text.length % 4))

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
