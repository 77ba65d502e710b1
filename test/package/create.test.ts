// Every project that `tollgate create` offers is put together and type-checked.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { samples } from '../../scripts/providers-table.ts'
import {
  auths,
  fittingProviders,
  fittingStores,
  hosts,
  needsProvider,
  problemOf,
  stores,
  type AuthName,
  type Choices,
} from '../../src/cli/create/choices.ts'
import { projectFiles } from '../../src/cli/create/project.ts'
import { neededOptions } from '../../src/cli/create/provider-file.ts'
import { providers } from '../../src/cli/create/providers.ts'
import type { Provider } from '../../src/types.ts'
import { pack, root } from '../support/create.ts'

const node = '24.0.0'
const secrets = { secret: 's'.repeat(43), password: 'p', passwordHash: '$pbkdf2-sha256$i=600000$a$b' }

const all: readonly Choices[] = hosts.flatMap((host) =>
  auths.flatMap((auth) => {
    const chosen = needsProvider(auth) ? fittingProviders(auth) : [undefined]
    const kept = auth === 'external' ? [undefined] : fittingStores(host, node)
    return chosen.flatMap((provider) => kept.map((store) => ({ host, auth, provider, store })))
  }),
)
const filesOf = (choices: Choices): ReadonlyMap<string, string> =>
  projectFiles({ name: 'notes', choices, tollgate: '^0.1.0', secrets })

/** What differs between providers is one file and one import, so each is compiled on one host, and one on each. */
const compiled = all.filter(
  ({ host, provider, store }) =>
    provider === undefined || provider === 'oidc' || (host === 'node' && (store ?? 'memory') === 'memory'),
)

let packed: { folder: string }
beforeAll(() => {
  packed = pack('create-types')
})

test('every combination is offered whole: settings, secrets only where git ignores them, no names left open', () => {
  expect(all.length).toBeGreaterThan(500)
  const versions = /^[\^>]?=?\d+\.\d+/
  for (const choices of all) {
    const files = filesOf(choices)
    const what = JSON.stringify(choices)
    const local = choices.host === 'workers' ? '.dev.vars' : '.env'
    expect(problemOf(choices, node), what).toBeUndefined()
    for (const path of [
      'package.json',
      'tsconfig.json',
      'README.md',
      '.gitignore',
      local,
      `${local}.example`,
    ])
      expect(
        choices.host === 'deno' && path === 'tsconfig.json' ? true : files.has(path),
        `${what} ${path}`,
      ).toBe(true)
    for (const [path, text] of files) {
      if (!path.endsWith('.ts')) expect(text, `${what} ${path}`).not.toMatch(/undefined|\[object|NaN/)
      if (path !== local) expect(text, `${what} ${path}`).not.toContain(secrets.secret)
      expect(text.length, path).toBeGreaterThan(0)
    }
    const ignored = files.get('.gitignore')!.split('\n')
    expect(ignored).toContain(local)
    const manifest = JSON.parse(files.get('package.json')!) as Record<string, Record<string, string>>
    for (const [name, version] of Object.entries({
      ...manifest['dependencies'],
      ...manifest['devDependencies'],
    }))
      expect(version, name).toMatch(versions)
    // What the code reads is in the example file and in README.
    const read = [...files].flatMap(([path, text]) =>
      path.endsWith('.ts') ? [...text.matchAll(/setting\('(\w+)'\)/g)].map(([, name]) => name!) : [],
    )
    for (const name of read) {
      expect(files.get(`${local}.example`), what).toMatch(new RegExp(`^${name}=`, 'm'))
      expect(files.get(local), what).toMatch(new RegExp(`^${name}=`, 'm'))
      expect(files.get('README.md'), what).toContain(`\`${name}\``)
    }
  }
})

/** What a package needs beside it, although no source names it. */
const companions: Readonly<Record<string, readonly string[]>> = {
  next: ['react', 'react-dom', 'typescript', '@types/react', '@types/node'],
  pg: ['@types/pg'],
  express: ['@types/express'],
}
/** The programs that scripts and README call, and the package of each. Runtimes are of the machine. */
const programs: Readonly<Record<string, string | undefined>> = {
  tsc: 'typescript',
  wrangler: 'wrangler',
  tollgate: 'tollgate',
  next: 'next',
  node: undefined,
  deno: undefined,
  bun: undefined,
}

/** The packages that a project's sources, configuration and scripts use. */
function usedPackages(files: ReadonlyMap<string, string>): ReadonlySet<string> {
  const { scripts } = JSON.parse(files.get('package.json')!) as { scripts: Record<string, string> }
  const { compilerOptions = {} } = JSON.parse(files.get('tsconfig.json') ?? '{}') as {
    compilerOptions?: { types?: string[] }
  }
  const named = [...files].flatMap(([path, text]) =>
    /\.[cm]?[jt]sx?$/.test(path)
      ? [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*'([^'.][^']*)'/g)].map(([, name]) => name!)
      : [],
  )
  const imported = named
    .filter((name) => !/^(node|bun|cloudflare):/.test(name))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0])
  const types = (compilerOptions.types ?? []).map((name) => (name.startsWith('@') ? name : `@types/${name}`))
  const commands = Object.values(scripts).flatMap((script) => script.split(/ (?:&&|\|\||[;|]) /))
  const advised = [...files.get('README.md')!.matchAll(/npx (\S+)/g)].map(([, program]) => program!)
  const called = [...commands, ...advised].flatMap((command) => {
    const program = command.split(' ')[0]!
    expect(Object.keys(programs), command).toContain(program)
    return programs[program] ?? []
  })
  const used = [...imported, ...types, ...called]
  return new Set([...used, ...used.flatMap((name) => companions[name] ?? [])])
}

test('each package that a project imports or calls is in its own package.json, and no other', () => {
  for (const choices of all) {
    const files = filesOf(choices)
    const { dependencies = {}, devDependencies = {} } = JSON.parse(files.get('package.json')!)
    const declared = Object.keys({ ...dependencies, ...devDependencies })
    expect(declared.sort(), JSON.stringify(choices)).toEqual([...usedPackages(files)].sort())
  }
})

test('the example file of every combination is for this machine: no value of another one, no user of another one', () => {
  for (const choices of all) {
    const [what, local] = [JSON.stringify(choices), choices.host === 'workers' ? '.dev.vars' : '.env']
    const example = filesOf(choices).get(`${local}.example`)!
    const values = new Map([...example.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))
    const url = choices.host === 'workers' ? 'http://127.0.0.1:8787' : undefined
    expect(values.get('PUBLIC_URL'), what).toBe(url)
    values.delete('PUBLIC_URL')
    for (const [name, value] of values)
      expect(['', 'redis://localhost:6379', './tollgate.db'], `${what} ${name}`).toContain(value)
    const form = choices.provider === 'github' ? 'octocat' : 'ada@example.com'
    if (choices.auth === 'upstream')
      expect(example).toContain(`# For example: ${form},id:583231\nALLOWED_USERS=\n`)
  }
})

test('the versions in the templates are those that the tests run with', () => {
  const manifest = (path: string): Record<string, Record<string, string>> =>
    JSON.parse(readFileSync(join(root, path), 'utf8'))
  const [ours, next] = [manifest('package.json'), manifest('examples/next/package.json')]
  const known = {
    ...next['devDependencies'],
    ...next['dependencies'],
    ...ours['devDependencies'],
    ...ours['dependencies'],
  }
  for (const choices of compiled) {
    const { dependencies, devDependencies } = JSON.parse(filesOf(choices).get('package.json')!)
    for (const [name, version] of Object.entries<string>({ ...dependencies, ...devDependencies }))
      if (name === '@types/bun') expect(version).toBe(`^${known['bun']}`)
      else if (name !== 'tollgate') expect(version, name).toBe(`^${known[name]!.replace('^', '')}`)
  }
})

/** Bun and Deno, as far as the templates touch them. */
const platforms = `
declare module 'bun:sqlite' {
  export class Database {
    constructor(file: string)
    exec(sql: string): unknown
    prepare(sql: string): { get(...parameters: unknown[]): unknown; run(...parameters: unknown[]): { changes: number } }
  }
}
declare const Bun: {
  serve(options: {
    port: number
    hostname: string
    fetch(request: Request, server: { requestIP(request: Request): { address: string } | null }): Promise<Response>
  }): unknown
}
declare const Deno: {
  env: { toObject(): Record<string, string> }
  openKv(path?: string): Promise<import('tollgate/store/deno-kv').DenoKvLike>
  serve(
    options: { port: number; hostname: string; onListen(): void },
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Promise<Response>,
  ): unknown
}
`

async function compileProjects(name: string, choices: readonly Choices[], options: object): Promise<string> {
  const folder = join(packed.folder, name)
  for (const each of choices) {
    const project = [each.host, each.auth, each.provider, each.store].filter(Boolean).join('-')
    for (const [path, text] of filesOf(each)) {
      const file = join(folder, project, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
  }
  if (name === 'node') writeFileSync(join(folder, 'platforms.d.ts'), platforms)
  const common = {
    target: 'es2023',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  }
  const include = ['*.d.ts', '*/src/**/*.ts', '*/src/app/.well-known/**/*.ts']
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...common, ...options }, include }),
  )
  return compile(folder)
}

test(
  'the projects on Node, Deno and Bun compile against the packed package',
  { timeout: 120_000 },
  async () => {
    const chosen = compiled.filter(({ host }) => host !== 'workers')
    expect(await compileProjects('node', chosen, { module: 'nodenext', types: ['node'] })).toBe('')
  },
)

test('the projects on Workers compile with the types of Workers', { timeout: 120_000 }, async () => {
  const chosen = compiled.filter(({ host }) => host === 'workers')
  const types = ['@cloudflare/workers-types']
  expect(await compileProjects('workers', chosen, { module: 'preserve', lib: ['es2023'], types })).toBe('')
})

test('every preset is offered for what it can do, and takes the values of the example file', async () => {
  expect(Object.keys(providers).sort()).toEqual(Object.keys(samples).sort())
  for (const [name, { preset = name, tokens, signIn }] of Object.entries(providers)) {
    const module = (await import(`../../src/provider/${name}.ts`)) as Record<
      string,
      (options: object) => Provider
    >
    const make = (auth: AuthName): Provider => {
      const options = Object.entries(neededOptions(name, auth)).map(([option, example]) => [
        option,
        example || 'x',
      ])
      return module[preset]!(Object.fromEntries(options))
    }
    expect(make('upstream').signIn !== undefined, name).toBe(signIn)
    // The redirect URI ends with it.
    expect(make('upstream').provider).toBe(name)
    if (tokens === 'no') continue
    const { jwt, opaque } = make('external')
    if (tokens === 'introspection')
      expect([jwt, opaque?.style ?? 'rfc7662'], name).toEqual([undefined, 'rfc7662'])
    else expect(jwt, name).toBeDefined()
  }
})

test.each<[Choices, string, string?]>([
  [{ host: 'node', auth: 'password', store: 'd1' }, 'What fits: sqlite, memory, redis, postgres.'],
  [{ host: 'workers', auth: 'password', store: 'memory' }, 'What fits: durable-object, d1.'],
  [{ host: 'node', auth: 'password', store: 'sqlite' }, 'from 22.13 on; this is 20.20.2', '20.20.2'],
  [{ host: 'next', auth: 'password', store: 'sqlite' }, 'from 22.13 on; this is 22.12.0', '22.12.0'],
  [{ host: 'node', auth: 'external', provider: 'okta', store: 'redis' }, 'stores nothing'],
  [
    { host: 'node', auth: 'external', provider: 'github' },
    'MCP clients cannot register there; take --auth upstream',
  ],
  [{ host: 'node', auth: 'external' }, '--auth external needs --provider: '],
  [{ host: 'node', auth: 'upstream', provider: 'propelauth' }, 'take --auth external'],
  [{ host: 'node', auth: 'upstream', provider: 'gihub' }, 'There is no provider "gihub"'],
  [{ host: 'node', auth: 'upstream', provider: 'constructor' }, 'There is no provider "constructor"'],
  [{ host: 'node', auth: 'password', provider: 'github' }, '--provider belongs to'],
])('what does not fit is refused, and what fits is named: %j', (choices, says, version = node) => {
  expect(problemOf(choices, version)).toContain(says)
})

test('SQLite is there from Node 22.13 on, and Bun always has it', () => {
  for (const [version, has] of [
    ['20.20.2', false],
    ['22.12.0', false],
    ['22.13.0', true],
    ['v24.1.0', true],
  ] as const)
    expect(fittingStores('node', version).includes('sqlite'), version).toBe(has)
  expect(fittingStores('bun', '20.20.2')).toContain('sqlite')
  expect(new Set(hosts.flatMap((host) => fittingStores(host, node)))).toEqual(new Set(stores))
})
