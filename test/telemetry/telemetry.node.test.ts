// Events through the real SDK of OpenTelemetry: metrics and traces as an exporter gets them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import { telemetry } from '../../src/telemetry/telemetry.ts'
import type { TollgateEvent, TollgateEventType } from '../../src/types.ts'
import { UpstreamWorld } from '../support/upstream.ts'

const at = 1_800_000_000
/** All that the reference lists; a test of the package holds it to the union. */
const types = [
  ...readFileSync(join(import.meta.dirname, '../../docs/reference/events.md'), 'utf8').matchAll(
    /^\| `([a-z-]+\.[a-z-]+)` /gm,
  ),
].map(([, type]) => type as TollgateEventType)

function setUp() {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })],
  })
  const onEvent = telemetry({ meterProvider, tracerProvider })
  return {
    meterProvider,
    tracerProvider,
    onEvent,
    tell: (type: TollgateEventType, more: Partial<TollgateEvent> = {}) =>
      onEvent({ type, at, level: 'info', ...more }),
    spans: () => spanExporter.getFinishedSpans(),
    /** By name: unit, and each point with its attributes. */
    async metrics() {
      await meterProvider.forceFlush()
      const scopes = metricExporter.getMetrics().at(-1)!.scopeMetrics
      expect(scopes.map(({ scope }) => scope.name)).toEqual(['tollgate'])
      return Object.fromEntries(
        scopes[0]!.metrics.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          {
            unit: descriptor.unit,
            description: descriptor.description,
            points: dataPoints.map(({ attributes, value }): Record<string, unknown> => ({
              ...attributes,
              value,
            })),
          },
        ]),
      )
    },
  }
}

afterEach(() => {
  metrics.disable()
  trace.disable()
  context.disable()
})

test('events are counted by type, level and error; a sum counts as what it stands for', async () => {
  const it = setUp()
  it.tell('token.accepted')
  it.tell('token.rejected', { level: 'warning', error: 'invalid_token', status: 401 })
  it.tell('token.rejected', { level: 'warning', error: 'invalid_token', status: 401, count: 200 })
  const { 'tollgate.events': events } = await it.metrics()
  expect(events).toMatchObject({ unit: '{event}' })
  expect(events!.points).toEqual([
    { 'tollgate.event.type': 'token.accepted', 'tollgate.event.level': 'info', value: 1 },
    {
      'tollgate.event.type': 'token.rejected',
      'tollgate.event.level': 'warning',
      'error.type': 'invalid_token',
      value: 201,
    },
  ])
})

test('a count that is not a number of events is not added up', async () => {
  const it = setUp()
  it.tell('refresh.repeated', { level: 'warning', count: 3 })
  it.tell('keys.truncated', { level: 'warning', count: 120 })
  const { 'tollgate.events': events } = await it.metrics()
  expect(events!.points.map(({ value }) => value)).toEqual([1, 1])
})

test('each answer of the guard is a request with an outcome', async () => {
  const it = setUp()
  const resource = 'https://notes.test/mcp'
  it.tell('token.accepted', { resource })
  it.tell('token.missing', { resource, status: 401 })
  it.tell('token.rejected', { resource, status: 401, error: 'invalid_token' })
  it.tell('scope.insufficient', { resource, status: 403, error: 'insufficient_scope' })
  it.tell('authentication.insufficient', { resource, status: 401 })
  it.tell('request.refused', { resource, status: 403 })
  it.tell('verifier.unavailable', { resource, status: 503 })
  it.tell('grant.created')
  const { 'tollgate.requests': requests } = await it.metrics()
  expect(
    requests!.points.map((point) => [point['tollgate.outcome'], point['http.response.status_code']]),
  ).toEqual([
    ['accepted', undefined],
    ['token_missing', 401],
    ['token_rejected', 401],
    ['insufficient_scope', 403],
    ['insufficient_authentication', 401],
    ['refused', 403],
    ['unavailable', 503],
  ])
  expect(new Set(requests!.points.map((point) => point['tollgate.resource']))).toEqual(new Set([resource]))
})

test('tokens by grant type, and the times of an authorization', async () => {
  const it = setUp()
  const one = { grantId: 'g1', clientId: 'c1', subject: 'alice' }
  it.tell('consent.asked', one)
  it.tell('grant.created', { ...one, at: at + 12 })
  it.tell('code.redeemed', { ...one, at: at + 12.5 })
  it.tell('token.refreshed', { ...one, at: at + 900 })
  it.tell('consent.asked', { ...one, grantId: 'g2' })
  it.tell('consent.denied', { ...one, grantId: 'g2', at: at + 3 })
  // Remembered consent: no page was shown.
  it.tell('grant.created', { ...one, grantId: 'g3' })
  it.tell('code.redeemed', { ...one, grantId: 'g3', at: at + 1 })
  const all = await it.metrics()
  expect(all['tollgate.tokens']!.points).toEqual([
    { 'tollgate.grant_type': 'authorization_code', value: 2 },
    { 'tollgate.grant_type': 'refresh_token', value: 1 },
  ])
  expect(all['tollgate.consent.duration']).toMatchObject({
    unit: 's',
    points: [
      { 'tollgate.outcome': 'approved', value: { count: 1, sum: 12 } },
      { 'tollgate.outcome': 'denied', value: { count: 1, sum: 3 } },
    ],
  })
  expect(all['tollgate.redemption.duration']!.points).toMatchObject([{ value: { count: 2, sum: 1.5 } }])
})

test('how long callers are told to wait', async () => {
  const it = setUp()
  it.tell('rate.limited', { duration: 30, status: 429 })
  it.tell('verifier.unavailable', { duration: 4, status: 503 })
  it.tell('clock.skewed', { duration: 90 })
  const { 'tollgate.retry_after': waits } = await it.metrics()
  expect(waits!.points).toMatchObject([
    { 'tollgate.event.type': 'rate.limited', value: { sum: 30 } },
    { 'tollgate.event.type': 'verifier.unavailable', value: { sum: 4 } },
  ])
})

test('cardinality is bounded: no user, client, grant or address, and foreign values are cut off', async () => {
  const it = setUp()
  for (let i = 0; i < 1000; i++)
    it.tell('client.discovery-failed', {
      clientId: `client ${i}`,
      subject: `user ${i}`,
      grantId: `grant ${i}`,
      address: `192.0.2.${i % 250}`,
      issuer: `https://${i}.test`,
      error: `error_${i}`,
      detail: `detail ${i}`,
    })
  for (let i = 0; i < 1000; i++)
    it.tell('token.accepted', { resource: `https://${i}.test/mcp`, subject: `user ${i}` })
  const all = await it.metrics()
  const points = Object.values(all).flatMap((metric) => metric.points)
  expect(all['tollgate.events']!.points.length).toBeLessThanOrEqual(22)
  expect(all['tollgate.requests']!.points.length).toBeLessThanOrEqual(101)
  expect(JSON.stringify(points)).not.toMatch(/user \d|client \d|grant \d|192\.0\.2|detail \d/)
  expect(all['tollgate.requests']!.points).toContainEqual(
    expect.objectContaining({ 'tollgate.resource': 'other', value: 900 }),
  )
})

test('CN10 sixty answers with made-up errors at the callback of a sign-in do not blind `error.type`', async () => {
  const it = setUp()
  const world = new UpstreamWorld()
  for (let i = 0; i < 60; i++) {
    const browser = world.browser()
    const back = await world.idp.visit(await world.toProvider(browser))
    back.searchParams.delete('code')
    back.searchParams.set('error', `junk_${String.fromCodePoint(97 + (i % 26), 97 + Math.floor(i / 26))}`)
    await browser.get(back.href)
  }
  for (const event of world.rig.events) it.onEvent(event)
  it.tell('upstream.refused', { error: 'slow_down' })
  it.tell('token.rejected', { error: 'invalid_token' })
  const { 'tollgate.events': events } = await it.metrics()
  const errors = new Set(events!.points.map((point) => point['error.type']))
  expect([...errors].filter((each) => /junk|other/.test(String(each)))).toEqual([])
  expect([...errors]).toEqual(expect.arrayContaining(['slow_down', 'invalid_token', 'invalid_response']))
  expect(events!.points.map((point) => point['tollgate.event.type'])).not.toContain('server.error')
})

test('codes of our own and of the specifications are never `other`, whatever others wrote before', async () => {
  const it = setUp()
  for (let i = 0; i < 1000; i++) it.tell('upstream.refused', { error: `junk_${i}` })
  const reference = readFileSync(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8')
  const own = [...reference.matchAll(/^\| `([a-z_]+)` /gm)].map(([, code]) => code!)
  expect(own).toContain('invalid_token')
  const known = [...own, 'interaction_required', 'account_selection_required', 'use_dpop_nonce']
  for (const error of known) it.tell('upstream.refused', { error })
  const { 'tollgate.events': events } = await it.metrics()
  const types = events!.points.map((point) => point['error.type'])
  expect(types).toEqual(expect.arrayContaining(known))
  expect(types.filter((each) => String(each).startsWith('junk_'))).toHaveLength(20)
})

test('what fills the places of one type of event leaves those of the others', async () => {
  const it = setUp()
  for (let i = 0; i < 1000; i++) it.tell('client.authorization-failed', { error: `junk_${i}` })
  it.tell('upstream.refused', { error: 'bad_verification_code' })
  it.tell('request.refused', { error: 'quota_exceeded', resource: 'https://notes.test/mcp', status: 402 })
  const { 'tollgate.events': events, 'tollgate.requests': requests } = await it.metrics()
  expect(events!.points).toContainEqual(expect.objectContaining({ 'error.type': 'bad_verification_code' }))
  expect(requests!.points).toMatchObject([{ 'error.type': 'quota_exceeded' }])
})

/** Every attribute of a metric, and who chooses its value: never a visitor. */
const labels = {
  'tollgate.event.type': 'ours',
  'tollgate.event.level': 'ours',
  'tollgate.outcome': 'ours',
  'tollgate.grant_type': 'ours',
  'tollgate.resource': 'the configuration',
  'http.response.status_code': 'ours, or the application’s',
  'error.type': 'ours, or another server’s; bounded',
}

test('no text of a stranger is an attribute of a metric: every member of an event is hostile', async () => {
  const it = setUp()
  for (const type of types)
    for (let i = 0; i < 30; i++)
      it.tell(type, {
        ...{ clientId: `c-evil-${i}`, subject: `s-evil-${i}`, grantId: `g-evil-${i}`, issuer: `i-evil-${i}` },
        ...{
          operation: `o-evil-${i}`,
          expected: `e-evil-${i}`,
          received: `r-evil-${i}`,
          detail: `d-evil-${i}`,
        },
        ...{ address: `a-evil-${i}`, missingScopes: [`m-evil-${i}`] },
      })
  const all = await it.metrics()
  const points = Object.values(all).flatMap((metric) => metric.points)
  expect(JSON.stringify(points)).not.toContain('evil')
  const names = new Set(points.flatMap((point) => Object.keys(point)))
  expect([...names].filter((name) => name !== 'value' && !Object.hasOwn(labels, name))).toEqual([])
})

test('an authorization is a span, with its events; the user is not in it', async () => {
  const it = setUp()
  const one = {
    grantId: 'g1',
    clientId: 'c1',
    subject: 'alice',
    issuer: 'https://notes.test',
    address: '192.0.2.1',
  }
  it.tell('consent.asked', one)
  it.tell('sign-in.finished', { ...one, at: at + 5 })
  it.tell('grant.created', { ...one, at: at + 12 })
  expect(it.spans()).toEqual([])
  it.tell('code.redeemed', { ...one, at: at + 12.5 })
  const [span] = it.spans()
  expect(span).toMatchObject({
    name: 'tollgate.authorization',
    startTime: [at, 0],
    endTime: [at + 12, 500_000_000],
    attributes: {
      'tollgate.grant.id': 'g1',
      'tollgate.client.id': 'c1',
      'tollgate.issuer': 'https://notes.test',
    },
  })
  expect(span!.events.map(({ name }) => name)).toEqual([
    'consent.asked',
    'sign-in.finished',
    'grant.created',
    'code.redeemed',
  ])
  expect(JSON.stringify([span!.attributes, span!.events])).not.toMatch(/alice|192\.0\.2/)
})

test('an authorization that is left ends after half an hour, and a thousand are kept at most', () => {
  const it = setUp()
  it.tell('consent.asked', { grantId: 'left' })
  it.tell('consent.asked', { grantId: 'next', at: at + 1799 })
  expect(it.spans()).toEqual([])
  it.tell('consent.asked', { grantId: 'third', at: at + 1801 })
  expect(it.spans().map((span) => span.attributes['tollgate.grant.id'])).toEqual(['left'])
  for (let i = 0; i < 1000; i++) it.tell('consent.asked', { grantId: `g${i}`, at: at + 1801 })
  expect(it.spans()).toHaveLength(3)
})

test('events of a request are on its active span, and an alert marks it', async () => {
  const it = setUp()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const tracer = it.tracerProvider.getTracer('host')
  const serve = (work: () => void) =>
    tracer.startActiveSpan('POST /token', (span) => {
      work()
      span.end()
    })
  serve(() => it.tell('code.redeemed', { grantId: 'g', clientId: 'c' }))
  serve(() => it.tell('refresh.reused', { level: 'alert', grantId: 'g', missingScopes: ['a', 'b'] }))
  const [good, bad] = it.spans()
  expect(good!.events).toMatchObject([{ name: 'code.redeemed', attributes: { 'tollgate.grant.id': 'g' } }])
  expect(good!.status.code).toBe(0)
  expect(bad!.status).toEqual({ code: 2, message: 'refresh.reused' })
  expect(bad!.events[0]!.attributes).toMatchObject({ 'tollgate.missing_scopes': ['a', 'b'] })
})

test('without options the providers are those that the application registered, also later than telemetry()', async () => {
  const onEvent = telemetry()
  const it = setUp()
  metrics.setGlobalMeterProvider(it.meterProvider)
  onEvent({ type: 'token.accepted', at, level: 'info' })
  expect((await it.metrics())['tollgate.events']!.points).toHaveLength(1)
})

test('without an SDK nothing happens, and nothing throws', () => {
  expect(() => telemetry()({ type: 'token.accepted', at, level: 'info' })).not.toThrow()
})

test('a wrong option is a ConfigurationError', () => {
  expect(() => telemetry({ meterProvider: {} as never })).toThrow(
    '`meterProvider` must be a MeterProvider of OpenTelemetry',
  )
  expect(() => telemetry({ metrics: {} } as never)).toThrow('is not an option')
})
