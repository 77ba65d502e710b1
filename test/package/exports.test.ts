// The published artifact: every documented subpath resolves from the packed tarball, and nothing else does.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packedPackage } from '../support/npm.ts'

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
  bin: Record<string, string>
  exports: Record<string, { types: string; default: string }>
  dependencies: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional: boolean }>
}
const subpaths = Object.keys(manifest.exports)
const specifier = (subpath: string): string => subpath.replace(/^\./, 'tollgate')
const folder = mkdtempSync(join(tmpdir(), 'tollgate-package-'))

beforeAll(() => {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  renameSync(packedPackage(folder), join(modules, 'tollgate'))
  // `tollgate/telemetry` imports its peer; Express is imported as a type only.
  for (const name of [...Object.keys(manifest.dependencies), '@opentelemetry/api']) {
    // A scope is a folder of its own.
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(code: string): string {
  const script = join(folder, 'script.mjs')
  writeFileSync(script, code)
  return execFileSync(process.execPath, [script], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('every subpath resolves from the tarball and importing it does nothing', () => {
  // Workers only; needs its framework, which has a test of its own.
  const elsewhere = ['./store/durable-object', './mcp-framework']
  const importable = subpaths.filter((subpath) => !elsewhere.includes(subpath))
  const output = run(`
    const before = Object.keys(globalThis).length
    const web = ['Request', 'Response', 'Headers', 'URL', 'fetch'].map((name) => [name, globalThis[name]])
    for (const name of ${JSON.stringify(importable.map(specifier))}) {
      const module = await import(name)
      if (Object.keys(module).length === 0 && name !== 'tollgate/types') console.log('exports nothing:', name)
    }
    if (Object.keys(globalThis).length !== before) console.log('a global was added')
    for (const [name, value] of web) if (globalThis[name] !== value) console.log('replaced:', name)
    console.log('imported')
  `)
  expect(output).toBe('imported\n')
})

test('nothing else resolves', () => {
  const inside = readdirSync(join(folder, 'node_modules/tollgate/dist'), {
    recursive: true,
    encoding: 'utf8',
  })
    .filter((file) => file.endsWith('.js'))
    .map((file) => `./${file.replaceAll('\\', '/')}`)
  expect(inside.length).toBeGreaterThan(subpaths.length)
  const attempts = [
    ...inside.map((file) => `tollgate/dist/${file.slice(2)}`),
    ...inside.map((file) => `tollgate/${file.slice(2, -3)}`),
  ].filter((name) => !subpaths.some((subpath) => specifier(subpath) === name))
  const output = run(`
    for (const name of ${JSON.stringify(attempts)}) {
      try { import.meta.resolve(name); console.log('resolves:', name) } catch {}
    }
  `)
  expect(output).toBe('')
})

/** Packages that the files of this kind import. */
function importedBy(extension: string): string[] {
  const folderOf = join(folder, 'node_modules/tollgate/dist')
  const names = readdirSync(folderOf, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .flatMap((file) => [
      ...readFileSync(join(folderOf, file), 'utf8')
        .replaceAll(/\/\*[\s\S]*?\*\//g, '')
        .matchAll(/^(?:import|export)\b[^'"]*?from '([^.'][^']*)'/gm),
    ])
    .map(([, name]) => name!)
    // The platform's own.
    .filter((name) => !/^(?:node|cloudflare):/.test(name))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'))
  return [...new Set(names)].sort()
}

test('U16 every package that is imported is declared, and none is declared that is not imported', () => {
  const dependencies = Object.keys(manifest.dependencies).sort()
  const peers = Object.keys(manifest.peerDependencies)
  expect(importedBy('.js').filter((name) => !peers.includes(name))).toEqual(dependencies)
  const known = new Set([...dependencies, ...peers])
  expect(importedBy('.d.ts').filter((name) => !known.has(name))).toEqual([])
  expect(peers.filter((name) => manifest.peerDependenciesMeta[name]?.optional !== true)).toEqual([])
  expect(Object.values(manifest.dependencies).filter((range) => !/^\^\d+\.\d+\.\d+$/.test(range))).toEqual([])
})

test('the command runs from the tarball', () => {
  const [[name, file]] = Object.entries(manifest.bin) as [[string, string]]
  expect(name).toBe('tollgate')
  const tollgate = (args: readonly string[], input = ''): { status: number | null; stdout: string } =>
    spawnSync(process.execPath, [join(folder, 'node_modules/tollgate', file), ...args], {
      cwd: folder,
      encoding: 'utf8',
      input,
    })
  expect(readFileSync(join(folder, 'node_modules/tollgate', file), 'utf8')).toMatch(
    /^#!\/usr\/bin\/env node\n/,
  )
  expect(tollgate(['--version'])).toMatchObject({ status: 0, stdout: `${manifest.version}\n` })
  const made = tollgate(['password'], 'correct horse battery\n')
  expect(made).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\$pbkdf2-sha256\$i=600000\$[^$]+\$[^$]+\n$/),
  })
  expect(tollgate(['pasword'])).toMatchObject({ status: 2, stdout: '' })
})

test('no subpath is a wildcard, and each file exists with its types', () => {
  expect(subpaths.filter((subpath) => subpath.includes('*'))).toEqual([])
  for (const { types, default: file } of Object.values(manifest.exports)) {
    expect(readFileSync(join(folder, 'node_modules/tollgate', types), 'utf8').length).toBeGreaterThan(0)
    expect(readFileSync(join(folder, 'node_modules/tollgate', file), 'utf8').length).toBeGreaterThan(0)
  }
})
