// Holds the import graph to the table of the design: who may import what.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../../src')

interface Rule {
  /** Rooms and files, as prefixes of the path below src/. A room may always import its own folder. */
  local: string[]
  npm: RegExp[]
  typeOnlyNpm?: RegExp[]
}

const bottom = ['errors.ts', 'types.ts', 'lib/']
const role = [...bottom, 'protocol/', 'http/', 'store/contract.ts', 'store/update.ts', 'cache/contract.ts']
/** What the adapters share. */
const everyAdapter = ['adapter/route.ts', 'adapter/parts.ts']
const jose = [/^jose\//]

/** The most specific prefix decides. */
const table: Record<string, Rule> = {
  'errors.ts': { local: [], npm: [] },
  'events.ts': { local: [], npm: [] },
  'deployment.ts': { local: [], npm: [] },
  'provider.ts': { local: [], npm: [] },
  'verifier.ts': { local: ['types.ts'], npm: [] },
  'sign-in.ts': { local: ['types.ts'], npm: [] },
  'types.ts': { local: ['events.ts', 'deployment.ts', 'provider.ts', 'verifier.ts', 'sign-in.ts'], npm: [] },
  'lib/': { local: ['errors.ts', 'types.ts'], npm: [/^@noble\/hashes\//] },
  'protocol/': { local: bottom, npm: [] },
  'http/': { local: [...bottom, 'protocol/'], npm: [] },
  // What client and upstream sign-in share: requests to token endpoints.
  'http/client-auth.ts': { local: [...bottom, 'protocol/'], npm: [/^oauth4webapi$/] },
  'http/token-endpoint.ts': { local: [...bottom, 'protocol/'], npm: [/^oauth4webapi$/] },
  'store/contract.ts': { local: ['types.ts', 'errors.ts'], npm: [] },
  'store/update.ts': { local: ['store/contract.ts', 'lib/defined.ts', 'types.ts', 'errors.ts'], npm: [] },
  'cache/contract.ts': { local: ['types.ts'], npm: [] },
  'store/': {
    local: ['store/contract.ts', 'store/deadline.ts', 'lib/', 'errors.ts', 'types.ts'],
    npm: [/^cloudflare:workers$/],
  },
  'cache/': { local: ['cache/contract.ts', 'lib/', 'errors.ts', 'types.ts'], npm: [] },
  'resource-server/': { local: role, npm: jose },
  'index.ts': {
    local: ['resource-server/', 'errors.ts', 'types.ts', 'cache/contract.ts', 'store/contract.ts'],
    npm: [],
  },
  'authorization-server/': { local: role, npm: [...jose, /^hono\/html$/] },
  'client/': { local: role, npm: [...jose, /^oauth4webapi$/] },
  'upstream/': { local: role, npm: [...jose, /^oauth4webapi$/] },
  'doctor/': { local: ['errors.ts', 'types.ts', 'lib/', 'protocol/', 'http/'], npm: [] },
  'telemetry/': { local: bottom, npm: [/^@opentelemetry\/api$/] },
  // A line on the console needs no OpenTelemetry.
  'telemetry/console.ts': { local: bottom, npm: [] },
  'testing/': { local: [...bottom, 'protocol/', 'index.ts', 'client/index.ts'], npm: jose },
  'provider/': { local: ['types.ts', 'lib/options.ts', 'lib/defined.ts', 'provider/preset.ts'], npm: [] },
  'adapter/': {
    local: ['errors.ts', 'types.ts', 'http/', 'lib/', ...everyAdapter],
    npm: [],
    typeOnlyNpm: [/^hono/, /^express/, /^next/, /^@cloudflare\//],
  },
  // The conversion between Node's messages and Web objects.
  'adapter/node-request.ts': { local: ['errors.ts', 'http/', 'lib/'], npm: [/^srvx\/node$/] },
  'adapter/node-response.ts': { local: ['http/'], npm: [/^srvx\/node$/] },
  'adapter/express.ts': {
    local: ['errors.ts', 'types.ts', 'http/', 'lib/', 'adapter/node', ...everyAdapter],
    npm: [],
    typeOnlyNpm: [/^express/],
  },
  'adapter/hono.ts': {
    local: ['errors.ts', 'types.ts', 'http/', 'lib/', ...everyAdapter],
    npm: [/^hono\//],
    typeOnlyNpm: [/^hono/],
  },
  // It stands in for the framework's own guard, so that it builds one.
  'adapter/mcp-framework/': {
    local: [
      ...[
        'errors.ts',
        'types.ts',
        'index.ts',
        'lib/',
        'protocol/challenge.ts',
        'adapter/node',
        'provider/oidc.ts',
      ],
      ...['resource-server/principal.ts', 'resource-server/servers.ts'],
      'resource-server/verify/introspection/introspection.ts',
    ],
    npm: [/^mcp-framework$/],
  },
  'gateway/': { local: [''], npm: [/./] },
  'cli/': { local: [''], npm: [/./] },
}

/** `node:` stands only here. */
const nodeRooms = ['adapter/node', 'adapter/express.ts', 'adapter/mcp-framework/', 'gateway/', 'cli/']
/** Modules that the guard ships; a schema library in there would be shipped by everybody. */
const withoutValibot = ['index.ts', 'http/discovery.ts']

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))

interface Import {
  from: string
  to: string
  typeOnly: boolean
}

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  const found = text.matchAll(/^(import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)
  const dynamic = text.matchAll(/\bimport\('([^']+)'\)/g)
  return [
    ...[...found].map(([, , type, to]) => ({ from: file, to: to!, typeOnly: type !== undefined })),
    ...[...dynamic].map(([, to]) => ({ from: file, to: to!, typeOnly: false })),
  ]
})

function ruleOf(file: string): Rule {
  const prefix = Object.keys(table)
    .filter((each) => file.startsWith(each))
    .sort((a, b) => b.length - a.length)[0]
  if (prefix === undefined) throw new Error(`src/${file} stands in no room of the table`)
  return table[prefix]!
}

const roomOf = (file: string): string => (file.includes('/') ? `${file.split('/')[0]}/` : file)

/** Path below src/ of a relative import. */
const target = ({ from, to }: Import): string =>
  relative(src, resolve(src, dirname(from), to)).replaceAll('\\', '/')

function violations(): string[] {
  return imports.flatMap((each) => {
    const rule = ruleOf(each.from)
    const line = `src/${each.from} → ${each.to}`
    if (each.to.startsWith('.')) {
      const to = target(each)
      if (!to.endsWith('.ts')) return [`${line}: a relative import names the .ts file`]
      if (roomOf(to) === roomOf(each.from) && !isRoleEntry(each.from)) {
        return roomOf(to).match(/^(store|cache|provider|adapter)\/$/) &&
          !allowed(rule, to) &&
          !sameFamily(each.from, to)
          ? [line]
          : []
      }
      if (roomOf(each.from) === 'adapter/' && each.typeOnly) return []
      return allowed(rule, to) ? [] : [line]
    }
    if (each.to.startsWith('node:')) return nodeRooms.some((room) => each.from.startsWith(room)) ? [] : [line]
    if (each.typeOnly && (rule.typeOnlyNpm ?? []).some((name) => name.test(each.to))) return []
    return rule.npm.some((name) => name.test(each.to)) ? [] : [line]
  })
}

const isRoleEntry = (file: string): boolean => !file.includes('/')
const allowed = (rule: Rule, to: string): boolean => rule.local.some((prefix) => to.startsWith(prefix))
/** Files of one adapter, driver or preset: `node.ts` and `node-fetch.ts`. */
const sameFamily = (from: string, to: string): boolean =>
  to.replace('.ts', '').startsWith(from.replace('.ts', '').split('-')[0]!)

test('the import graph obeys the table of the design', () => {
  expect(imports.length).toBeGreaterThan(50)
  expect(violations()).toEqual([])
})

/**
 * Each role and the files of its top folder that lie below its sub-folders: context, options, types. The other files
 * of the top folder are entry and wiring, above the sub-folders.
 */
const layers: Record<string, string[]> = {
  'authorization-server': [
    'choices.ts',
    'context.ts',
    'options.ts',
    'endpoint.ts',
    'grants.ts',
    'interrupted-writes.ts',
    'keys.ts',
    'links.ts',
    'page-error.ts',
    'paths.ts',
    'rate-limit.ts',
    'resources.ts',
    'scoped-store.ts',
    'seal-context.ts',
  ],
  client: [
    'connection.ts',
    'context.ts',
    'entry-options.ts',
    'errors.ts',
    'options.ts',
    'outgoing.ts',
    'record-keys.ts',
    'records.ts',
    'scopes.ts',
    'types.ts',
    'urls.ts',
  ],
  'resource-server': ['context.ts', 'scope-options.ts', 'types.ts'],
}

test.each(Object.entries(layers))(
  'the sub-folders of %s have no cycles, type imports counted',
  (role, below) => {
    const layerOf = (file: string): string => {
      const [folder, rest] = file.slice(role.length + 1).split('/')
      if (rest !== undefined) return folder!
      return below.includes(folder!) ? 'below' : 'above'
    }
    const edges = new Map<string, Set<string>>()
    const why = new Map<string, string>()
    for (const each of imports) {
      if (!each.from.startsWith(`${role}/`) || !each.to.startsWith('.')) continue
      const to = target(each)
      if (!to.startsWith(`${role}/`)) continue
      const [a, b] = [layerOf(each.from), layerOf(to)]
      if (a === b) continue
      edges.set(a, (edges.get(a) ?? new Set()).add(b))
      why.set(`${a} → ${b}`, `${each.from} → ${to}`)
    }
    expect([...(edges.get('below') ?? [])].map((to) => why.get(`below → ${to}`))).toEqual([])
    const cycles: string[][] = []
    const visit = (folder: string, path: string[]): void => {
      if (path.includes(folder)) {
        const cycle = [...path.slice(path.indexOf(folder)), folder]
        cycles.push(cycle.slice(1).map((to, i) => why.get(`${cycle[i]!} → ${to}`)!))
        return
      }
      for (const next of edges.get(folder) ?? []) visit(next, [...path, folder])
    }
    for (const folder of edges.keys()) visit(folder, [])
    expect(cycles).toEqual([])
    expect(edges.size).toBeGreaterThan(2)
  },
)

test('there are no import cycles', () => {
  const edges = new Map(files.map((file) => [file, [] as string[]]))
  for (const each of imports)
    if (each.to.startsWith('.') && !each.typeOnly) edges.get(each.from)?.push(target(each))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
  }
  for (const file of files) visit(file, [])
  expect(cycles).toEqual([])
})

test('the guard ships no schema library', () => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const each of imports.filter(({ from, typeOnly }) => from === file && !typeOnly)) {
      if (each.to.startsWith('.')) visit(target(each))
      else reached.add(each.to)
    }
  }
  for (const entry of withoutValibot) visit(entry)
  expect([...reached].filter((name) => !name.endsWith('.ts') && !name.startsWith('jose/'))).toEqual([])
})

test('platform globals stand only where the table says', () => {
  const offenders = files.filter((file) => {
    const code = readFileSync(join(src, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    return (
      /\b(globalThis|process\.|Deno\.|Bun\.|Math\.random|console\.)/.test(code) &&
      !/^(adapter|gateway|cli)\/|print-error|^telemetry\/console\.ts/.test(file)
    )
  })
  expect(offenders).toEqual([])
})

test('a file is one idea: above 350 lines it is two', () => {
  const long = files.filter(
    (file) =>
      statSync(join(src, file)).isFile() && readFileSync(join(src, file), 'utf8').split('\n').length > 350,
  )
  expect(long).toEqual([])
})

/** Who writes conditionally beside the drivers and `update()`, each once and not in a loop. */
const singleWrites = [
  // Creates a record or refuses a replay: a read before it or a second try would be wrong.
  'authorization-server/client/assertion.ts',
  // Writes under a lock whose holder it checks: a version that another holder wrote is a lost lock.
  'client/storage/store-storage.ts',
]

test('update() is the only conditional write: nothing else loops over put', () => {
  const writers = files.filter(
    (file) =>
      !file.startsWith('store/') &&
      file !== 'types.ts' &&
      /\bifVersion\b/.test(readFileSync(join(src, file), 'utf8')),
  )
  expect(writers.sort()).toEqual(singleWrites)
})
