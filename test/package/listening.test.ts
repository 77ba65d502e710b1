// What documents, examples and templates start: a sign-in for this machine, or numbers for its monitoring, must not be open to its network.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const files = execFileSync('git', ['ls-files', 'README.md', 'docs', 'examples', 'skills'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => /\.(?:tsx?|md|json)$/.test(file) && !/CHANGELOG|package-lock/.test(file))

/** What starts a server, as far as an address may stand. Without one each listens on all of them. */
const starts = [
  /\.listen\((?!async)[^\n]*/g,
  /(?:\b(?:Deno|Bun)\.serve\(|(?<![.\w])serve\(\{)[\s\S]{0,150}/g,
  /\bnew PrometheusExporter\([^)]*\)/g,
  /\bnext (?:dev|start)\b[^"`\n]*/g,
]
const loopback = /127\.0\.0\.1|-H localhost/

const found = files.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8')
  return starts.flatMap((start) => [...text.matchAll(start)].map(([call]) => ({ file, call })))
})

test('OWASP A05 what documents, examples and templates start listens on this machine only', () => {
  expect(found.length).toBeGreaterThan(15)
  const open = found.filter(({ call }) => !loopback.test(call)).map(({ file }) => file)
  // Its address is a setting, which is this machine's unless it is set.
  expect(open).toEqual(['examples/modes/server.ts'])
  const settings = readFileSync(join(root, 'examples/modes/settings.ts'), 'utf8')
  expect(settings).toContain("host: read('HOST') ?? '127.0.0.1'")
})

test('OWASP A05 a call without an address is found', () => {
  for (const call of [
    'app.listen(3000)',
    'server.listen(port, () => {',
    'createServer(x).listen(Number(PORT), () => {',
    'serve({ fetch: app.fetch, port: 1 })',
    'Bun.serve({ fetch, port })',
    'Deno.serve((request) => answer(request))',
    'Deno.serve({ port: 1 }, handler)',
    'new PrometheusExporter()',
    'new PrometheusExporter({ port: 9464 })',
    'npx next dev',
    '"start": "next start"',
  ])
    expect(
      starts.some((start) => [...call.matchAll(start)].some(([each]) => !loopback.test(each))),
      call,
    ).toBe(true)
})
