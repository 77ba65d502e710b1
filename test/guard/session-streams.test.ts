import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limitStream, type StreamLimit } from '../../src/resource-server/guard/stream.ts'

const start = 1_790_000_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const clock = (): number => Date.now() / 1000

/** An event stream that a test feeds. */
function events(): {
  response: Response
  send: (text: string) => void
  end: () => void
  cancelled: () => unknown
} {
  let source!: ReadableStreamDefaultController<Uint8Array>
  let reason: unknown
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      source = controller
    },
    cancel: (why) => {
      reason = why ?? true
    },
  })
  return {
    response: new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-own': 'kept' } }),
    send: (text) => source.enqueue(new TextEncoder().encode(text)),
    end: () => source.close(),
    cancelled: () => reason,
  }
}

function read(response: Response): {
  next: () => Promise<string | undefined>
  cancel: (why: string) => Promise<void>
} {
  const reader = response.body!.getReader()
  return {
    next: async () => {
      const { done, value } = await reader.read()
      return done ? undefined : new TextDecoder().decode(value)
    },
    cancel: (why) => reader.cancel(why),
  }
}

const limit = (over: Partial<StreamLimit> = {}): StreamLimit => ({ clock, until: start + 10, ...over })

test('G37 a stream ends with the token, the handler learns it, and no event comes after', async () => {
  const source = events()
  const stream = read(limitStream(source.response, limit()))
  source.send('data: 1\n\n')
  expect(await stream.next()).toBe('data: 1\n\n')
  const pending = stream.next()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await pending).toBeUndefined()
  expect(source.cancelled()).toBe('the access token has ended')
})

test.each(['Text/Event-Stream; charset=utf-8', 'TEXT/EVENT-STREAM'])(
  'G37 RFC 9110 §8.3.1 %s is an event stream like any other',
  async (type) => {
    const source = events()
    source.response.headers.set('content-type', type)
    const stream = read(limitStream(source.response, limit()))
    const pending = stream.next()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await pending).toBeUndefined()
  },
)

test('G37 an event that arrives when the time is over is not delivered, even before any timer fires', async () => {
  const source = events()
  const stream = read(limitStream(source.response, limit()))
  const pending = stream.next()
  vi.setSystemTime((start + 11) * 1000)
  source.send('data: late\n\n')
  expect(await pending).toBeUndefined()
})

test('G37 a revoked token ends the stream at the next look', async () => {
  const source = events()
  let revoked = false
  const alive = vi.fn(async () => !revoked)
  const stream = read(limitStream(source.response, limit({ until: start + 3600, alive, every: 30 })))
  await vi.advanceTimersByTimeAsync(30_000)
  source.send('data: still here\n\n')
  expect(await stream.next()).toBe('data: still here\n\n')
  revoked = true
  const pending = stream.next()
  await vi.advanceTimersByTimeAsync(30_000)
  expect(await pending).toBeUndefined()
  expect(alive).toHaveBeenCalledTimes(2)
  expect(source.cancelled()).toBe('the access token has ended')
})

test('G37 an outage during a check does not end the stream: it says nothing about the token', async () => {
  const source = events()
  const alive = (): Promise<boolean> => Promise.reject(new Error('503'))
  const stream = read(limitStream(source.response, limit({ until: start + 3600, alive, every: 30 })))
  await vi.advanceTimersByTimeAsync(60_000)
  source.send('data: on\n\n')
  expect(await stream.next()).toBe('data: on\n\n')
})

test('a stream that ends by itself ends as it is, and no timer is left', async () => {
  const source = events()
  const response = limitStream(source.response, limit())
  expect(response.headers.get('x-own')).toBe('kept')
  const stream = read(response)
  source.send('data: 1\n\n')
  source.end()
  expect([await stream.next(), await stream.next()]).toEqual(['data: 1\n\n', undefined])
  expect(vi.getTimerCount()).toBe(0)
})

test('a client that goes away reaches the handler, and no timer is left', async () => {
  const source = events()
  const stream = read(limitStream(source.response, limit()))
  await stream.cancel('bye')
  expect(source.cancelled()).toBe('bye')
  expect(vi.getTimerCount()).toBe(0)
})

test('an error of the handler’s stream reaches the client', async () => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error('broken')),
  })
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  await expect(read(limitStream(response, limit())).next()).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})

test('the first event passes before the handler ends', async () => {
  const source = events()
  const stream = read(limitStream(source.response, limit()))
  source.send('data: first\n\n')
  expect(await stream.next()).toBe('data: first\n\n')
})

test('JSON, and an answer without a body, are the very same objects', () => {
  for (const response of [Response.json({}), new Response(null, { status: 202 })])
    expect(limitStream(response, limit())).toBe(response)
})
