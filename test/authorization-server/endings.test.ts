// The table of endings: each cell just before its time, and at it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { causes, checked, endingOf, looks, streamOf, things } from '../support/endings.ts'
import { EndingsWorld } from '../support/endings-world.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const isolates = ['here', 'elsewhere'] as const

/** The looks that say something of an end at this time: the last one before it, and the one at it. */
const looksAt = (end: number | 'never'): number[] =>
  end === 'never'
    ? [looks.at(-1)!]
    : [looks[looks.indexOf(end) - 1], end].filter((each) => each !== undefined)

for (const cause of causes) {
  test(`S4 T7 the table of endings: ${cause}`, async () => {
    const measured: string[] = []
    const expected: string[] = []
    for (const [i, where] of isolates.entries()) {
      const ends = things.map((thing) => [thing, endingOf(thing, cause)[i]!] as const)
      for (const look of looks) {
        const asked = ends.filter(([, end]) => looksAt(end).includes(look))
        if (asked.length === 0) continue
        const world = await EndingsWorld.create()
        await world.cause(cause)
        world.wait(look)
        for (const [thing, end] of asked) {
          const lives = await world.lives(thing, where)
          measured.push(`${thing} ${where} after ${look} s: ${lives ? 'lives' : 'dead'}`)
          expected.push(
            `${thing} ${where} after ${look} s: ${end === 'never' || look < end ? 'lives' : 'dead'}`,
          )
        }
      }
    }
    expect(measured).toEqual(expected)
  })

  test(`G25 with checkRevocation: 60, the verdict about a JWT: ${cause}`, async () => {
    for (const [i, where] of isolates.entries()) {
      const end = (checked[cause] ?? endingOf('cached verdict', cause))[i]!
      for (const look of looksAt(end)) {
        const world = await EndingsWorld.create(60)
        await world.cause(cause)
        world.wait(look)
        const lives = await world.lives('cached verdict', where)
        expect([where, look, lives]).toEqual([where, look, end === 'never' || look < end])
      }
    }
  })

  test(`G37 S18 an open stream: ${cause}`, async () => {
    const ends = []
    for (const checkRevocation of [false, 60] as const)
      ends.push(await (await EndingsWorld.create(checkRevocation)).streamEnds(cause))
    expect(ends).toEqual(streamOf(cause))
  })
}
