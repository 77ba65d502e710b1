// docs/reference/events.md lists every event type that the code tells, and no other; its members are those of TollgateEvent.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = read('docs/reference/events.md')

/** Dotted names with another meaning: options, stores' and deployments' findings, parts of a failure, a symbol's name. */
const elsewhere =
  /(Error|require\w+|attempt|available|callPart|attributed?|for|finding)\(\s*$|code: $|failed\([^(){]*$|flag\(\s*$/
const withoutEvents = /^(store|provider|doctor|cli|gateway)\/|resource-server\/deployment\.ts$/

function eventTypes(): Set<string> {
  const found = new Set<string>()
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    const path = file.replaceAll('\\', '/')
    if (!path.endsWith('.ts') || withoutEvents.test(path)) continue
    const code = read(`src/${path}`).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    for (const match of code.matchAll(/'([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)'/g))
      if (!elsewhere.test(code.slice(Math.max(0, match.index - 80), match.index))) found.add(match[1]!)
  }
  // Arguments of checks and names of other things that no call shows.
  for (const name of ['audience.aud', 'need.scopes', 'tollgate.own-request']) found.delete(name)
  return found
}

const rows = page
  .split('\n')
  .filter((line) => /^\| `[a-z-]+\.[a-z-]+` /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, type, level, , members]) => ({
    type: type!.replaceAll('`', ''),
    level: level!,
    members: [...members!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  }))

test('the page lists every event type once, and the code knows no other', () => {
  const listed = rows.map(({ type }) => type)
  expect(listed.length).toBeGreaterThan(40)
  expect(new Set(listed).size).toBe(listed.length)
  expect(listed.sort()).toEqual([...eventTypes()].sort())
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
