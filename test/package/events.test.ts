// docs/reference/events.md, the type TollgateEventType and the code name the same events and members.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = read('docs/reference/events.md')

/** The members of the unions in src/events.ts. The compiler holds every event that the code tells to them. */
const typed = [...read('src/events.ts').matchAll(/'([a-z-]+\.[a-z-]+)'/g)].map(([, type]) => type!)

const code = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'events.ts')
  .map((file) => read(`src/${file}`))
  .join('\n')

const rows = page
  .split('\n')
  .filter((line) => /^\| `[a-z-]+\.[a-z-]+` /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, type, level, , members]) => ({
    type: type!.replaceAll('`', ''),
    level: level!,
    members: [...members!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  }))

test('the page, the type and the code name the same events', () => {
  const listed = rows.map(({ type }) => type)
  expect(listed.length).toBeGreaterThan(40)
  expect(new Set(listed).size).toBe(listed.length)
  expect([...listed].sort()).toEqual([...typed].sort())
  expect(typed.filter((type) => !code.includes(`'${type}'`))).toEqual([])
})

test('its members are those of TollgateEvent', () => {
  const [, body = ''] = /export interface TollgateEvent \{([\s\S]*?)\n\}/.exec(read('src/events.ts')) ?? []
  const members = [...body.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name!)
  const described = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name!)
  expect(described.sort()).toEqual(members.sort())
  expect([...new Set(rows.flatMap((row) => row.members))].filter((name) => !members.includes(name))).toEqual(
    [],
  )
  expect(rows.filter(({ level }) => !/^(info|warning|alert)$/.test(level))).toEqual([])
  expect(rows.filter((row) => row.members.length === 0)).toEqual([])
})

const prefixes = new Set(typed.map((type) => type.split('.')[0]))

/** Other pages also name options and files that look like events. */
const pagesOfEvents = ['operate/audit', 'operate/recovery', 'running', 'troubleshooting', 'revoke', 'rotate']

test('the events that the guide names exist', () => {
  const unknown = pagesOfEvents.flatMap((file) =>
    [...read(`docs/guide/${file}.md`).matchAll(/[`']([a-z-]+\.[a-z-]+)[`']/g)]
      .map(([, name]) => name!)
      .filter((name) => prefixes.has(name.split('.')[0]!) && !typed.includes(name))
      .map((name) => `${file}: ${name}`),
  )
  expect(unknown).toEqual([])
})

test('the audit page says of each alert what to ask first', () => {
  const audit = read('docs/guide/operate/audit.md').split('\n## Alerts')[1]!
  const told = [...audit.matchAll(/^\| (`[^|]+`) /gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, type]) => type!),
  )
  const alerts = rows.filter(({ level }) => level === 'alert').map(({ type }) => type)
  expect(told.toSorted()).toEqual(alerts.toSorted())
})
