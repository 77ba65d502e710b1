// The contract of a store, run against every driver with the real thing behind it. No `node:` here: workerd runs it too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expiring, garbageMargin, type Store, type StoreRecord } from '../../src/store/contract.ts'
import type { Awaitable } from '../../src/types.ts'

export interface StoreHarness {
  /** A store on a connection of its own; the records are common to all of them. */
  connect(): Awaitable<Store>
  /** A store whose backend is out of reach. */
  outage(): Awaitable<Store>
  close?(): Awaitable<unknown>
}

const rounds = 20
const racers = 50
const connections = 5
const aYear = 31_536_000
// Above the platform's clock, so that no platform collects it, and far from it, so that no driver judges by it.
const later = 4_000_000_000

/** A key that no other test uses, also where the backend outlives the run. */
export const freshKey = (name = 'record'): string =>
  `t${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(36)).join('')}:${name}`

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

export function storeSuite(driver: string, open: () => Awaitable<StoreHarness>): void {
  describe(`the store contract on ${driver}`, () => {
    let harness: StoreHarness
    let store: Store
    let others: Store[]
    beforeAll(async () => {
      harness = await open()
      others = []
      for (let i = 0; i < connections; i++) others.push(await harness.connect())
      store = others[0]!
    })
    afterAll(() => harness?.close?.())

    const create = async (key: string, value = 'first', expiresAt?: number): Promise<string> => {
      const version = await store.put(key, value, {
        ifVersion: null,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      })
      expect(version).toEqual(expect.any(String))
      return version!
    }

    describe('one record', () => {
      test('ST: what was never written is absent', async () => {
        const key = freshKey()
        expect(await store.get(key)).toBeUndefined()
        expect(await store.delete(key)).toBe(false)
        expect(await store.put(key, 'x', { ifVersion: 'never-given' })).toBeUndefined()
        expect(await store.get(key)).toBeUndefined()
      })

      test('ST: a record is read as it was written, on every connection', async () => {
        const key = freshKey()
        const version = await create(key, 'value', 1_800_000_000.25)
        const expected: StoreRecord = { value: 'value', version, expiresAt: 1_800_000_000.25 }
        for (const each of others) expect(await each.get(key)).toEqual(expected)
      })

      test('ST: a record without an expiry has none', async () => {
        const key = freshKey()
        const version = await create(key)
        expect(await store.get(key)).toEqual({ value: 'first', version })
      })

      test('ST: a write replaces value, version and expiry', async () => {
        const key = freshKey()
        const first = await create(key, 'first', 1_900_000_000)
        const second = await store.put(key, 'second', { ifVersion: first })
        expect(second).not.toBe(first)
        expect(await store.get(key)).toEqual({ value: 'second', version: second })
        const third = await store.put(key, 'third', { ifVersion: second!, expiresAt: later })
        expect(await store.get(key)).toEqual({ value: 'third', version: third, expiresAt: later })
      })

      test('ST: who was not first is told so, and changes nothing', async () => {
        const key = freshKey()
        const first = await create(key)
        expect(await store.put(key, 'other', { ifVersion: null })).toBeUndefined()
        const second = await store.put(key, 'second', { ifVersion: first })
        expect(await store.put(key, 'stale', { ifVersion: first })).toBeUndefined()
        expect(await store.delete(key, { ifVersion: first })).toBe(false)
        expect(await store.get(key)).toEqual({ value: 'second', version: second })
      })

      test('ST: a record is deleted by its version, or whatever its version', async () => {
        const key = freshKey()
        const version = await create(key)
        expect(await store.delete(key, { ifVersion: version })).toBe(true)
        expect(await store.delete(key, { ifVersion: version })).toBe(false)
        expect(await store.get(key)).toBeUndefined()
        await create(key)
        expect(await store.delete(key)).toBe(true)
        expect(await store.get(key)).toBeUndefined()
      })

      test.each([
        ['nothing', ''],
        ['white space', ' \t\n\r  '],
        ['a number', '1234567890123456789'],
        ['JSON', '{"a":["b",null,1.5],"__proto__":{"c":"\\u0000"}}'],
        ['quotes', `'";--\\ $1 ? %s {{x}}`],
        ['wide characters', 'é € 😀 \u2028 \uFEFF ﷽'],
      ])('ST: a value of %s comes back as it was', async (_, value) => {
        const key = freshKey()
        const version = await create(key, value)
        expect(await store.get(key)).toEqual({ value, version })
      })
    })

    describe('limits', () => {
      test.each([
        ['one-byte characters', 'a'.repeat(60_000)],
        ['two-byte characters', 'é'.repeat(30_000)],
        ['three-byte characters', '€'.repeat(20_000)],
        ['four-byte characters', '😀'.repeat(15_000)],
        ['one-byte characters and a wide one', `${'a'.repeat(59_997)}€`],
      ])('ST: 60 000 bytes of %s fit, one more is refused in clear words', async (_, value) => {
        const key = freshKey()
        const version = await create(key, value)
        expect((await store.get(key))?.value === value).toBe(true)
        const tooLong = store.put(key, `${value}!`, { ifVersion: version })
        await expect(tooLong).rejects.toThrow('at most 60000 bytes of UTF-8')
        await expect(tooLong).rejects.toThrow(RangeError)
        expect((await store.get(key))?.version).toBe(version)
      })

      test.each([
        ['empty', ''],
        ['too long', 'k'.repeat(201)],
        ['a space', 'a b'],
        ['a slash', 'a/b'],
        ['a percent sign', 'a%3Ab'],
        ['an asterisk', 'a*'],
        ['a dot', '..'],
        ['a brace', 'a{b}'],
        ['a quote', "a'b"],
        ['a newline at the end', 'a\n'],
        ['a letter outside ASCII', 'ä'],
        ['U+0000', 'a\0'],
      ])('ST6: a key outside the alphabet throws: %s', async (_, key) => {
        await expect(store.get(key)).rejects.toThrow(TypeError)
        await expect(store.put(key, 'x', { ifVersion: null })).rejects.toThrow('A store key has')
        await expect(store.delete(key)).rejects.toThrow('A store key has')
      })

      test('ST: what cannot be stored faithfully is refused', async () => {
        const key = freshKey()
        await expect(store.put(key, 'a\0b', { ifVersion: null })).rejects.toThrow(TypeError)
        await expect(store.put(key, 'a\uD800b', { ifVersion: null })).rejects.toThrow(TypeError)
        for (const expiresAt of [NaN, Infinity])
          await expect(store.put(key, 'x', { ifVersion: null, expiresAt })).rejects.toThrow(TypeError)
        const forgotten = { ifVersion: undefined as unknown as null }
        await expect(store.put(key, 'x', forgotten)).rejects.toThrow(TypeError)
        await expect(store.put(key, 'x', { ifVersion: '' })).rejects.toThrow(TypeError)
        expect(await store.get(key)).toBeUndefined()
      })

      test('ST6: keys that look alike are different keys', async () => {
        const partition = freshKey().split(':')[0]!
        const keys = ['a:b', 'A:b', 'a:B', 'a:b:', 'a::b', 'a:b:c', 'a-b:c', 'a_b:c', 'ab', 'a'].map(
          (key) => `${partition}${key}`,
        )
        keys.push(partition.padEnd(150, 'p') + ':' + 'n'.repeat(49))
        for (const key of keys) await create(key, key)
        for (const key of keys) expect((await store.get(key))?.value).toBe(key)
        expect(await store.delete(keys[0]!)).toBe(true)
        for (const key of keys.slice(1)) expect((await store.get(key))?.value).toBe(key)
      })
    })

    describe('versions', () => {
      test('ST: a version is never used twice, also not after delete and recreate', async () => {
        const key = freshKey()
        const seen = new Set<string>()
        for (let i = 0; i < 50; i++) {
          const first = await create(key)
          const second = await store.put(key, 'second', { ifVersion: first })
          seen.add(first).add(second!)
          await store.delete(key)
        }
        expect(seen.size).toBe(100)
      })

      test('ST: after delete and recreate a stale writer loses', async () => {
        const key = freshKey()
        const stale = await create(key)
        await store.delete(key)
        const version = await create(key, 'recreated')
        expect(await others[1]!.put(key, 'stale', { ifVersion: stale })).toBeUndefined()
        expect(await others[1]!.delete(key, { ifVersion: stale })).toBe(false)
        expect(await store.get(key)).toEqual({ value: 'recreated', version })
      })

      test('ST: after expiry and recreate a stale writer loses', async () => {
        let now = 1_000_000
        const judged = expiring(store, () => now)
        const key = freshKey()
        const stale = await judged.put(key, 'first', { ifVersion: null, expiresAt: now + 60 })
        now += 60
        const version = await judged.put(key, 'recreated', { ifVersion: null, expiresAt: now + 60 })
        expect(version).toEqual(expect.any(String))
        expect(await judged.put(key, 'stale', { ifVersion: stale!, expiresAt: now + 60 })).toBeUndefined()
        expect((await judged.get(key))?.version).toBe(version)
      })
    })

    describe('time', () => {
      test('ST3: the injected clock alone judges, whatever the time of the platform', async () => {
        for (const start of [1, 1_000_000, Math.floor(Date.now() / 1000) + 100 * aYear]) {
          let now = start
          const judged = expiring(store, () => now)
          const key = freshKey()
          await judged.put(key, 'first', { ifVersion: null, expiresAt: start + 60 })
          now = start + 59.9
          expect((await judged.get(key))?.value).toBe('first')
          expect(await judged.put(key, 'second', { ifVersion: null })).toBeUndefined()
          now = start + 60
          expect(await judged.get(key)).toBeUndefined()
          expect((await store.get(key))?.value).toBe('first')
          expect(await judged.put(key, 'second', { ifVersion: null, expiresAt: now + 1 })).toBeDefined()
          expect((await judged.get(key))?.value).toBe('second')
        }
      })

      test('ST3: of 50 who recreate an expired record one wins', async () => {
        const key = freshKey()
        await create(key, 'expired', 1000)
        const results = await Promise.all(
          Array.from({ length: racers }, (_, i) =>
            expiring(others[i % connections]!, () => 2000).put(key, `${i}`, { ifVersion: null }),
          ),
        )
        const winners = results.flatMap((version, i) => (version === undefined ? [] : [`${i}`]))
        expect(winners).toHaveLength(1)
        expect((await store.get(key))?.value).toBe(winners[0])
      })

      test('ST3: a sweep deletes what is long expired and nothing else', async () => {
        if (!('sweep' in store)) {
          // Collects by itself; the driver's own test shows it.
          expect(driver).toMatch(/Redis|Durable Objects|Deno KV|Upstash/)
          return
        }
        const sweep = store.sweep as (now: number) => Promise<number>
        const now = 5_000
        const [expired, recent, live, eternal] = [freshKey(), freshKey(), freshKey(), freshKey()]
        await create(expired, 'x', now - garbageMargin - 1)
        await create(recent, 'x', now - garbageMargin + 1)
        await create(live, 'x', now + 1)
        await create(eternal, 'x')
        expect(await sweep(now)).toBeGreaterThanOrEqual(1)
        expect(await sweep(now)).toBe(0)
        expect(await store.get(expired)).toBeUndefined()
        for (const key of [recent, live, eternal]) expect((await store.get(key))?.value).toBe('x')
        expect(await sweep(now + garbageMargin + 2)).toBeGreaterThanOrEqual(2)
        expect(await store.get(eternal)).toBeDefined()
        for (const key of [recent, live]) expect(await store.get(key)).toBeUndefined()
      })
    })

    describe('races', () => {
      /** All see the same version, because all have read before one writes. */
      const raceFor = async (key: string, ifVersion: string | null): Promise<string[]> => {
        const outcomes = await Promise.all(
          Array.from({ length: racers }, async (_, i) => {
            const version = await others[i % connections]!.put(key, `${i}`, { ifVersion })
            return version === undefined ? [] : [`${i}`]
          }),
        )
        return outcomes.flat()
      }

      test(`ST5: ${rounds} rounds of ${racers} who create: one winner each`, async () => {
        for (let round = 0; round < rounds; round++) {
          const key = freshKey()
          const winners = await raceFor(key, null)
          expect(winners).toHaveLength(1)
          expect((await store.get(key))?.value).toBe(winners[0])
        }
      })

      test(`ST5: ${rounds} rounds of ${racers} who write one version: one winner each`, async () => {
        const key = freshKey()
        let version = await create(key)
        for (let round = 0; round < rounds; round++) {
          const winners = await raceFor(key, version)
          expect(winners).toHaveLength(1)
          const record = await store.get(key)
          expect(record?.value).toBe(winners[0])
          version = record!.version
        }
      })

      test(`ST5: ${rounds} rounds of ${racers} who read, wait and count up: no count is lost`, async () => {
        for (let round = 0; round < rounds; round++) {
          const key = freshKey()
          await create(key, '0')
          const counted = await Promise.all(
            Array.from({ length: racers }, async (_, i) => {
              const mine = others[i % connections]!
              const { value, version } = (await mine.get(key))!
              await pause((i * 7) % 5)
              return mine.put(key, `${Number(value) + 1}`, { ifVersion: version })
            }),
          )
          const wins = counted.filter((version) => version !== undefined).length
          expect(wins).toBeGreaterThanOrEqual(1)
          expect((await store.get(key))?.value).toBe(`${wins}`)
        }
      })

      test(`ST5: ${rounds} rounds of ${racers} with a delay after the common read: one winner each`, async () => {
        for (let round = 0; round < rounds; round++) {
          const key = freshKey()
          await create(key)
          const read = await Promise.all(
            Array.from({ length: racers }, (_, i) => others[i % connections]!.get(key)),
          )
          const outcomes = await Promise.all(
            read.map(async (record, i) => {
              await pause((i * 7) % 5)
              const options = { ifVersion: record!.version }
              return (await others[i % connections]!.put(key, `${i}`, options)) === undefined ? [] : [`${i}`]
            }),
          )
          expect(outcomes.flat()).toHaveLength(1)
          expect((await store.get(key))?.value).toBe(outcomes.flat()[0])
        }
      })

      test('ST5: of 50 who delete one version one is told that he did', async () => {
        const key = freshKey()
        const ifVersion = await create(key)
        const outcomes = await Promise.all(
          Array.from({ length: racers }, (_, i) => others[i % connections]!.delete(key, { ifVersion })),
        )
        expect(outcomes.filter(Boolean)).toHaveLength(1)
      })

      test('ST5: of a write and a delete of one version one wins', async () => {
        for (let round = 0; round < rounds; round++) {
          const key = freshKey()
          const ifVersion = await create(key)
          const [written, deleted] = await Promise.all([
            others[1]!.put(key, 'written', { ifVersion }),
            others[2]!.delete(key, { ifVersion }),
          ])
          expect([written !== undefined, deleted].filter(Boolean)).toHaveLength(1)
          expect((await store.get(key))?.value).toBe(deleted ? undefined : 'written')
        }
      })

      test('ST5: an unconditional delete beats whoever writes meanwhile', async () => {
        const key = freshKey()
        let version: string | undefined = await create(key)
        const write = async (): Promise<void> => {
          for (let i = 0; i < 30 && version !== undefined; i++)
            version = await others[1]!.put(key, `${i}`, { ifVersion: version })
        }
        const [deleted] = await Promise.all([others[2]!.delete(key), write()])
        expect(deleted).toBe(true)
        expect(await store.get(key)).toBeUndefined()
      })
    })

    describe('failures', () => {
      test('ST4: a write whose answer is lost is recognised by reading again', async () => {
        const key = freshKey()
        const ifVersion = await create(key)
        const lossy: Store = {
          ...store,
          put: async (...parameters) => {
            await store.put(...parameters)
            throw new Error('the answer was lost')
          },
        }
        await expect(lossy.put(key, 'mine', { ifVersion })).rejects.toThrow('lost')
        expect((await store.get(key))?.value).toBe('mine')
        expect(await store.put(key, 'mine', { ifVersion })).toBeUndefined()
        expect((await store.get(key))?.value).toBe('mine')
      })

      test('ST4: an outage is an error, never "not found" and never "somebody else was first"', async () => {
        const dead = await harness.outage()
        await expect(dead.get('partition:name')).rejects.toThrow()
        await expect(dead.put('partition:name', 'x', { ifVersion: null })).rejects.toThrow()
        await expect(dead.put('partition:name', 'x', { ifVersion: 'version' })).rejects.toThrow()
        await expect(dead.delete('partition:name')).rejects.toThrow()
        await expect(expiring(dead, () => 0).get('partition:name')).rejects.toThrow()
      })
    })
  })
}

/** A sweep is a bounded piece of work, repeated until nothing is left. */
export async function sweepsInPieces(store: Store & { sweep(now: number): Promise<number> }): Promise<void> {
  const partition = freshKey().split(':')[0]!
  for (let i = 0; i < 1200; i++) await store.put(`${partition}:${i}`, 'x', { ifVersion: null, expiresAt: 1 })
  const sweep = (): Promise<number> => store.sweep(10 + garbageMargin)
  expect([await sweep(), await sweep(), await sweep()]).toEqual([1000, 200, 0])
}
