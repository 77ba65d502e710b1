import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { resolveRuntime, type NewEvent } from '../../src/lib/runtime.ts'
import type { Runtime, TollgateEvent } from '../../src/types.ts'

function observer(repeatedEvents?: Runtime['repeatedEvents']) {
  const time = { now: 1000 }
  const events: TollgateEvent[] = []
  const { event } = resolveRuntime({
    clock: () => time.now,
    onEvent: (each) => events.push(each),
    ...(repeatedEvents === undefined ? {} : { repeatedEvents }),
  })
  const send = (times: number, about: Partial<NewEvent> = {}): void => {
    for (let i = 0; i < times; i++)
      event({ type: 'token.rejected', level: 'warning', detail: `no ${i}`, ...about })
  }
  const total = (): number => events.reduce((sum, { count = 1 }) => sum + count, 0)
  return { time, events, send, total }
}

describe('F11 repeated events', () => {
  test('80 000 bad tokens are a few events, and none is lost', () => {
    const { time, events, send, total } = observer()
    send(80_000)
    expect(events.length).toBeLessThan(30)
    expect(events.slice(0, 20).map(({ count }) => count)).toEqual(Array.from({ length: 20 }))
    // The sums come while the flood goes on, each ten times as late.
    expect(events.slice(20).map(({ count }) => count)).toEqual([200, 2000, 20_000])
    time.now += 60
    send(1, { type: 'token.missing' })
    expect(total()).toBe(80_001)
    expect(events.at(-2)).toMatchObject({ type: 'token.rejected', detail: 'no 79999', at: 1000 })
  })

  test('a new window begins with single events', () => {
    const { time, events, send } = observer({ after: 2, window: 10 })
    send(3)
    time.now += 9
    send(1)
    expect(events).toHaveLength(2)
    time.now += 1
    send(1)
    expect(events.map(({ count }) => count)).toEqual([undefined, undefined, 2, undefined])
  })

  test('kinds are told apart by what we say, not by what a stranger writes', () => {
    const { events, send } = observer({ after: 1 })
    for (let i = 0; i < 50; i++) send(1, { detail: `${i}`, received: `${i}`, address: `192.0.2.${i}` })
    expect(events.map(({ count }) => count)).toEqual([undefined, 10])
    for (const about of [
      { type: 'request.refused' as const },
      { error: 'e' },
      { status: 401 },
      { resource: 'r' },
      { clientId: 'c' },
    ])
      send(1, about)
    expect(events).toHaveLength(2 + 5)
  })

  test('alerts and what was let through are always told; a missing token is not', () => {
    const { events, send } = observer({ after: 1 })
    send(50, { level: 'alert' })
    send(50, { level: 'info', type: 'token.accepted' })
    expect(events).toHaveLength(100)
    send(9, { level: 'info', type: 'token.missing' })
    expect(events).toHaveLength(101)
    send(50, { count: 2 })
    expect(events).toHaveLength(151)
  })

  test('memory is bounded: above 200 kinds each type is one', () => {
    const { events, send, total, time } = observer({ after: 1 })
    for (let i = 0; i < 5000; i++) send(1, { clientId: `${i}` })
    expect(events.length).toBeLessThan(210)
    time.now += 60
    send(1)
    expect(total()).toBe(5001)
  })

  test('false: every one', () => {
    const { events, send } = observer(false)
    send(500)
    expect(events).toHaveLength(500)
  })

  test.each<[unknown, string]>([
    [{ after: 0 }, 'repeatedEvents.after'],
    [{ window: 3601 }, 'repeatedEvents.window'],
    [{ afer: 1 }, 'did you mean "after"?'],
    [true, 'repeatedEvents'],
  ])('wrong: %o', (value, message) => {
    expect(() => resolveRuntime({ repeatedEvents: value as never })).toThrow(ConfigurationError)
    expect(() => resolveRuntime({ repeatedEvents: value as never })).toThrow(message)
  })
})
