import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { SingleFlight } from '../../src/lib/single-flight.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const never = new Promise<never>(() => undefined)

/** Work whose n-th call does what the n-th entry says; calls are counted. */
function work(...results: Promise<string>[]): { calls: number; run: () => Promise<string> } {
  const counted = {
    calls: 0,
    run: async (): Promise<string> => results[counted.calls++] ?? never,
  }
  return counted
}

function deferred(): { promise: Promise<string>; resolve: (value: string) => void } {
  let resolve: (value: string) => void = () => undefined
  return { promise: new Promise((settle) => (resolve = settle)), resolve: (value) => resolve(value) }
}

test('F1 where I/O outlives requests, everybody waits for the one flight, however slow it is', async () => {
  const flights = new SingleFlight<string>()
  const slow = deferred()
  const asked = work(slow.promise)
  const callers = Array.from({ length: 100 }, () => flights.run('k', asked.run))
  await vi.advanceTimersByTimeAsync(300_000)
  expect(asked.calls).toBe(1)
  slow.resolve('late')
  expect(new Set(await Promise.all(callers))).toEqual(new Set(['late']))
})

test('F1 rule 9 on Workers without waitUntil, one replacement serves all', async () => {
  const flights = new SingleFlight<string>({ requestsOwnIo: true })
  const second = deferred()
  const asked = work(never, second.promise)
  const [leader, ...others] = Array.from({ length: 100 }, () => flights.run('k', asked.run))
  void leader
  await vi.advanceTimersByTimeAsync(1999)
  expect(asked.calls).toBe(1)
  await vi.advanceTimersByTimeAsync(9000)
  expect(asked.calls).toBe(2)
  second.resolve('second')
  expect(new Set(await Promise.all(others))).toEqual(new Set(['second']))
  expect(flights.isBusy('k')).toBe(false)
})

test('F1 rule 9 a flight that comes after all serves its waiters, also when it was replaced', async () => {
  const flights = new SingleFlight<string>({ requestsOwnIo: true })
  const first = deferred()
  const asked = work(first.promise, Promise.resolve('second'))
  const [leader, waiter] = [flights.run('k', asked.run), flights.run('k', asked.run)]
  await vi.advanceTimersByTimeAsync(1000)
  const later = flights.run('k', asked.run)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await waiter).toBe('second')
  // Its patience ends when the replacement has been answered: no third call.
  await vi.advanceTimersByTimeAsync(1000)
  expect(await later).toBe('second')
  expect(asked.calls).toBe(2)
  first.resolve('first')
  expect(await leader).toBe('first')
})

test('F1 rule 9 both requests ended: a total deadline, and the next caller begins anew', async () => {
  const flights = new SingleFlight<string>({ requestsOwnIo: true })
  const asked = work(never, never, Promise.resolve('third'))
  void flights.run('k', asked.run)
  void flights.run('k', asked.run)
  const waiter = expect(flights.run('k', asked.run)).rejects.toThrow(UnavailableError)
  await vi.advanceTimersByTimeAsync(12_000)
  await waiter
  expect(await flights.run('k', asked.run)).toBe('third')
  expect(asked.calls).toBe(3)
})

test('rule 9 with waitUntil the flight is kept alive, and everybody waits for it', async () => {
  const kept: Promise<unknown>[] = []
  const flights = new SingleFlight<string>({
    requestsOwnIo: true,
    waitUntil: (promise) => kept.push(promise),
  })
  const slow = deferred()
  const asked = work(slow.promise)
  const callers = [flights.run('k', asked.run), flights.run('k', asked.run)]
  await vi.advanceTimersByTimeAsync(20_000)
  slow.resolve('kept')
  expect(await Promise.all(callers)).toEqual(['kept', 'kept'])
  expect([asked.calls, kept.length]).toEqual([1, 1])
})
