import { describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { readOptions } from '../../src/lib/options.ts'
import { attribute, callPart, oneLine, resolveRuntime, runtimeOptions } from '../../src/lib/runtime.ts'
import type { Runtime, TollgateEvent } from '../../src/types.ts'

describe('runtime', () => {
  test('what is given is used', async () => {
    const fetch = async (): Promise<Response> => new Response('mine')
    const kept: Promise<unknown>[] = []
    const waitUntil = (promise: Promise<unknown>): void => void kept.push(promise)
    const runtime = resolveRuntime({ fetch, clock: () => 7, waitUntil, clientAddress: () => '192.0.2.1' })
    expect(await (await runtime.fetch('https://a.test')).text()).toBe('mine')
    expect(runtime.clock()).toBe(7)
    const work = Promise.resolve()
    runtime.waitUntil!(work)
    expect(kept).toEqual([work])
    expect(runtime.clientAddress(new Request('https://a.test'))).toBe('192.0.2.1')
  })

  test('rule 18 the default clock is in seconds', () => {
    const before = Date.now() / 1000
    const now = resolveRuntime({}).clock()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now() / 1000)
  })

  test('without hooks there is no address and nobody to tell', () => {
    const runtime = resolveRuntime({})
    expect(runtime.clientAddress(new Request('https://a.test'))).toBeUndefined()
    expect(() => runtime.event({ type: 'token.accepted', level: 'info' })).not.toThrow()
  })

  test('LG2 an event has its time, and text on one bounded line', () => {
    const events: TollgateEvent[] = []
    const runtime = resolveRuntime({ clock: () => 7, onEvent: (event) => events.push(event) })
    const hostile = `a\r\nb\u001b[31m\u0000\u202e\u200b\u2028${'x'.repeat(10_240)}`
    runtime.event({
      type: 'token.rejected',
      level: 'warning',
      clientId: hostile,
      detail: hostile,
      status: 401,
    })
    expect(events).toHaveLength(1)
    const [event] = events
    expect(event).toMatchObject({ type: 'token.rejected', level: 'warning', status: 401, at: 7 })
    expect(event.detail).toMatch(/^a {2}b \[31m {4}x+…$/)
    expect(event.detail).toHaveLength(200)
    expect(event.clientId).toHaveLength(2048)
    expect(event.clientId).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u)
  })

  test('T16 no query in any text of an event, and no member without a value', () => {
    const events: TollgateEvent[] = []
    const runtime = resolveRuntime({ clock: () => 7, onEvent: (event) => events.push(event) })
    const url = 'https://mcp.test/mcp?token=secret#code=secret'
    runtime.event({
      type: 'token.rejected',
      level: 'info',
      resource: url,
      detail: `got ${url}, then "${url}".`,
      subject: undefined,
    })
    expect(events).toEqual([
      {
        ...{ type: 'token.rejected', level: 'info', at: 7, resource: 'https://mcp.test/mcp' },
        detail: 'got https://mcp.test/mcp then "https://mcp.test/mcp".',
      },
    ])
  })

  test('the id of a client stays whole, so that it can be blocked', () => {
    const events: TollgateEvent[] = []
    const clientId = 'x'.repeat(1366)
    resolveRuntime({ onEvent: (event) => events.push(event) }).event({
      type: 'token.rejected',
      level: 'info',
      clientId,
    })
    expect(events[0].clientId).toBe(clientId)
  })

  test('a hook that throws does not fail the request', () => {
    const runtime = resolveRuntime({
      onEvent: () => {
        throw new Error('disk full')
      },
    })
    expect(() => runtime.event({ type: 'token.accepted', level: 'info' })).not.toThrow()
  })

  test('U2 a failure names its part: its own, the one given, or the endpoint without its query', async () => {
    const events: TollgateEvent[] = []
    const told: [unknown, unknown][] = []
    const { failed } = resolveRuntime({
      onEvent: (event) => events.push(event),
      onError: (error, context) => told.push([error, context]),
    })
    const request = new Request('https://a.test/token?code=secret', { method: 'POST' })
    const bug = new SyntaxError('unexpected "secret"')
    const event = { type: 'server.error', level: 'alert', status: 500 } as const
    failed(bug, undefined, { request, event })
    expect(told).toEqual([[bug, { where: 'POST /token', request }]])
    expect(events[0]).toMatchObject({ ...event, detail: 'POST /token: SyntaxError' })
    failed(bug, 'cache.get')
    expect(events[1]).toMatchObject({ type: 'part.failed', detail: 'cache.get: SyntaxError' })
    const thrown = await callPart('hook', () => Promise.reject('a secret')).catch((error: unknown) => error)
    failed(attribute(new UnavailableError('Not now'), 'other', thrown))
    expect(events[2]!.detail).toBe('hook: Not now (string)')
    expect(told[2]).toEqual(['a secret', { where: 'hook' }])
    const hostile = Object.assign(new Error('x'), { name: 'Error: secret', code: 'a b' })
    failed(hostile, 'store.get')
    expect(events[3]!.detail).toBe('store.get: Error')
    expect(JSON.stringify(events)).not.toContain('secret')
  })

  test('LG2 ordinary text stays as it is', () => {
    for (const text of ['', 'Grüße, 世界 👩‍🚀'.replace('\u200d', ''), 'a'.repeat(200)])
      expect(oneLine(text)).toBe(text)
    expect(oneLine('abcdef', 4)).toBe('abc…')
    expect(oneLine('a\ud800b\udfffc😀')).toBe('a b c😀')
  })
})

describe('the rows of the runtime options', () => {
  const read = (given: object) => readOptions('createX', given as Runtime, runtimeOptions())

  test('take functions, and pass them on with their types', () => {
    const clock = (): number => 7
    const options = read({ clock, repeatedEvents: { after: 3 } })
    expect(options).toMatchObject({ clock, fetch: undefined, repeatedEvents: { after: 3, window: 60 } })
    const seven: number | undefined = options.clock?.()
    expect(seven).toBe(7)
    expect(read({ repeatedEvents: false }).repeatedEvents).toBe(false)
  })

  test('refuse anything else', () => {
    for (const name of ['fetch', 'clock', 'waitUntil', 'onEvent', 'onError', 'clientAddress'])
      expect(() => read({ [name]: 'x' })).toThrow(`\`${name}\` must be a function; got "x"`)
    expect(() => read({ repeatedEvents: { after: 0 } })).toThrow(
      '`repeatedEvents.after` must be a whole number',
    )
    expect(() => read({ repeatedEvents: true })).toThrow(
      '`repeatedEvents` must be false, or an object such as',
    )
  })
})
