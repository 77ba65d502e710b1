// docs/reference/events.md, the type TollgateEventType and the code name the same events and members.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { filesBelow } from '../support/files-below.ts'

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
  .map(([, type, level, when, members]) => ({
    type: type!.replaceAll('`', ''),
    level: level!,
    when: when!,
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

/** Those whose level is not written beside their type. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  // The guard's report and the rows of its key set have one level.
  'token.rejected': ['warning'],
  'scope.insufficient': ['warning'],
  'authentication.insufficient': ['warning'],
  'keys.truncated': ['warning'],
  'client.document-refused': ['warning'],
  'grant.created': ['info'],
  'approval.repeated': ['info'],
  'grant.narrowed': ['warning'],
  // A warning if a provider ended the sign-in; the row of `upstream.ended` says so.
  'grant.revoked': ['info'],
}

/** What one statement tells as one of two types, each with a level of its own. */
const choosing: Readonly<Record<string, readonly string[]>> = {
  'consent.denied': ['info'],
  'authorize.refused': ['warning'],
  'server.unavailable': ['warning'],
  'server.error': ['alert'],
}

/** The levels that the code writes beside each type. */
function toldLevels(): ReadonlyMap<string, ReadonlySet<string>> {
  const told = new Map<string, Set<string>>()
  for (const [, types, levels] of code.matchAll(/\btype:([^,{}]*),\s*level:([^,{}]*)/g))
    for (const [, type] of types!.matchAll(/'([a-z-]+\.[a-z-]+)'/g))
      for (const [, level] of levels!.matchAll(/'(\w+)'/g))
        told.set(type!, (told.get(type!) ?? new Set()).add(level!))
  return told
}

test('each event has the level that the code tells; another one is named in its row', () => {
  const told = toldLevels()
  expect(told.size).toBeGreaterThan(50)
  expect(Object.keys(elsewhere).filter((type) => told.has(type))).toEqual([])
  const wrong = rows.filter(({ type, level, when }) => {
    const levels = [...(choosing[type] ?? told.get(type) ?? elsewhere[type] ?? [])]
    const documented = [level, ...[...when.matchAll(/\((info|warning|alert)\)/g)].map(([, each]) => each!)]
    return String(levels.toSorted()) !== String(documented.toSorted())
  })
  expect(wrong.map(({ type, level }) => `${type}: ${level}`)).toEqual([])
})

const prefixes = new Set(typed.map((type) => type.split('.')[0]))

/** Options, methods and properties that look like an event. */
const noEvents = [
  ...['consent.choices', 'consent.scopes', 'consent.decision', 'keys.keys', 'request.auth', 'request.url'],
  ...['request.signal', 'client.callback', 'client.fetch', 'client.tokens', 'client.pages'],
]

const documents = filesBelow(root, ['docs', 'examples', 'skills'], /\.md$/)

test('the events that a document names exist', () => {
  expect(documents.length).toBeGreaterThan(50)
  const unknown = [...documents, 'README.md', 'AGENTS.md', 'CONTRIBUTING.md', 'SECURITY.md'].flatMap((file) =>
    [...read(file).matchAll(/[`'"]([a-z-]+\.[a-z-]+)[`'"]/g)]
      .map(([, name]) => name!)
      .filter((name) => prefixes.has(name.split('.')[0]!) && !/\.(?:ts|md|json)$/.test(name))
      .filter((name) => !typed.includes(name) && !noEvents.includes(name))
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
