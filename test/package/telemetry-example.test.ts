// examples/telemetry: the program runs and is scraped; dashboard, rules and guide name metrics that exist.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { telemetry } from '../../src/telemetry/telemetry.ts'
import type { TollgateEventType } from '../../src/types.ts'
import { freePort } from '../support/runtime-port.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

let program: ChildProcess
let origin: string
let metrics: string

beforeAll(async () => {
  const [port, metricsPort] = [await freePort(), await freePort()]
  origin = `http://127.0.0.1:${port}`
  metrics = `http://127.0.0.1:${metricsPort}/metrics`
  const env = { ...process.env, PORT: String(port), METRICS_PORT: String(metricsPort) }
  program = spawn(process.execPath, [join(root, 'examples/telemetry/server.ts')], { env, cwd: root })
  let errors = ''
  program.stderr!.on('data', (chunk) => (errors += chunk))
  await Promise.race([
    once(program.stdout!, 'data'),
    once(program, 'exit').then(() => Promise.reject(new Error(errors))),
  ])
})
afterAll(async () => {
  program.kill()
  if (program.exitCode === null) await once(program, 'exit')
})

test('Prometheus gets what the guard answered', async () => {
  const wrong = { authorization: 'Bearer wrong' }
  for (const headers of [undefined, wrong, wrong])
    expect(
      (await fetch(`${origin}/mcp`, { method: 'POST', body: '{}', ...(headers && { headers }) })).status,
    ).toBe(401)
  const text = await (await fetch(metrics)).text()
  const valueOf = (labels: string): number =>
    Number(new RegExp(`^tollgate_requests_total\\{[^}]*${labels}[^}]*\\} (\\d+)$`, 'm').exec(text)?.[1])
  expect(valueOf('tollgate_outcome="token_missing"')).toBe(1)
  expect(valueOf('tollgate_outcome="token_rejected"')).toBe(2)
  expect(text).toContain(`tollgate_resource="${origin}/mcp"`)
})

test('the readiness check answers what health() says', async () => {
  const response = await fetch(`${origin}/ready`)
  expect(response.status).toBe(200)
  const { ok, checks } = (await response.json()) as { ok: boolean; checks: { name: string; ok: boolean }[] }
  expect(ok).toBe(true)
  expect(checks.map(({ name }) => name)).toEqual(['clock', 'keys', 'store', 'signing-key'])
})

/** All that an exporter can show, by metric: its labels. */
async function exported(): Promise<Map<string, Set<string>>> {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const onEvent = telemetry({ meterProvider: new MeterProvider({ readers: [exporter] }) })
  const types = [...read('src/events.ts').matchAll(/'([a-z-]+\.[a-z-]+)'/g)].map(([, type]) => type!)
  const about = { resource: 'https://a.test/mcp', error: 'invalid_token', status: 401, duration: 1 }
  for (const type of types)
    for (const grantId of ['one', 'two', 'three'])
      onEvent({ type: type as TollgateEventType, at: 1_800_000_000, level: 'info', grantId, ...about })
  // The order of a real authorization: the loop above also ends flows before they begin.
  for (const type of ['consent.asked', 'grant.created', 'code.redeemed'] as const)
    onEvent({ type, at: 1_800_000_000, level: 'info', grantId: 'four' })
  const text = await new Promise<string>((resolve) =>
    exporter.getMetricsRequestHandler({} as never, { setHeader: () => undefined, end: resolve } as never),
  )
  const found = new Map<string, Set<string>>()
  for (const [, name, labels] of text.matchAll(/^(tollgate\w+)\{([^}]*)\}/gm)) {
    const known = found.get(name!) ?? new Set()
    for (const [, label] of labels!.matchAll(/(\w+)="/g)) known.add(label!)
    found.set(name!, known)
  }
  return found
}

/** Of a query: each metric with the labels that it selects. Labels of `by (…)` belong to all of them. */
function namedBy(query: string): { names: string[]; labels: string[] } {
  const names = [...query.matchAll(/\b(tollgate\w+)(?:\{|\[)/g)].map(([, name]) => name!)
  const selected = [...query.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!)
  const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/))
  return { names, labels: [...selected, ...grouped] }
}

test('the queries of the dashboard and of the rules name metrics, labels and event types that exist', async () => {
  const dashboard = JSON.parse(read('examples/telemetry/dashboard.json')) as {
    panels: { id: number; title: string; targets: { expr: string; legendFormat: string }[] }[]
  }
  const targets = dashboard.panels.flatMap((panel) => panel.targets)
  const rules = [...read('examples/telemetry/alerts.yml').matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*))/g)]
  const queries = [...targets.map(({ expr }) => expr), ...rules.map(([, block, line]) => (block ?? line)!)]
  expect(queries.length).toBe(17)
  const metrics = await exported()
  const types = read('src/events.ts')
  for (const query of queries) {
    const { names, labels } = namedBy(query)
    expect(names.length, query).toBeGreaterThan(0)
    for (const name of names) {
      expect([...metrics.keys()], query).toContain(name)
      for (const label of labels) expect([...metrics.get(name)!], query).toContain(label)
    }
    for (const [, values] of query.matchAll(/tollgate_event_type=~?"([^"]*)"/g))
      for (const type of values!.split('|')) expect(types).toContain(`'${type}'`)
  }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
})

test('the guide lists each metric, and each rule', async () => {
  const page = read('docs/guide/running.md')
  const listed = [...page.matchAll(/^\| `(tollgate\.[\w.]+)` [^\n]*\| `(\w+)` +\|$/gm)].map(
    ([, , name]) => name!,
  )
  const real = [...(await exported()).keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/, ''))
  expect(listed.sort()).toEqual([...new Set(real)].sort())
  const rules = [...read('examples/telemetry/alerts.yml').matchAll(/alert: (\w+)/g)].map(([, name]) => name!)
  expect(rules.filter((name) => !page.includes(`| \`${name}\``))).toEqual([])
})
