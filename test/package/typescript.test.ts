// The packed declarations, as a user's compiler reads them: strict, `skipLibCheck` off, each supported TypeScript. What is
// compiled lies in tools/typescript/consumer; each `@ts-expect-error` in it is a misuse that must not compile.
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packedPackage } from '../support/npm.ts'
import { install } from '../support/runtime-next.ts'

const root = join(import.meta.dirname, '../..')
const tools = join(root, 'tools/typescript')
const folder = mkdtempSync(join(tmpdir(), 'tollgate-typescript-'))
const read = (file: string): { exports: object; devDependencies: object } =>
  JSON.parse(readFileSync(join(root, file), 'utf8')) as never

/** What a project has beside Tollgate. */
const beside = [
  '@cloudflare/workers-types',
  '@opentelemetry/api',
  '@types/express',
  '@types/node',
  'express',
  'hono',
  'jose',
  'oauth4webapi',
]
/** Needs the types of its host. */
const ofHosts: Readonly<Record<string, readonly string[]>> = {
  // Hono's own declarations need TypeScript 5.7.
  hono: ['tollgate/hono'],
  node: ['tollgate/express', 'tollgate/mcp-framework', 'tollgate/node'],
  workers: ['tollgate/store/durable-object'],
}
interface Project {
  options: object
  files: readonly string[]
}
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const projects: Readonly<Record<string, Project>> = {
  'nodenext, Node': {
    options: { module: 'nodenext', lib: ['es2022'], types: ['node'] },
    files: ['core.ts', 'node.ts', 'every-core.ts', 'every-node.ts', 'mcp-framework-types.d.ts'],
  },
  'bundler, DOM': {
    options: { ...bundler, lib: ['es2022', 'dom'], types: [] },
    files: ['core.ts', 'every-core.ts'],
  },
  'bundler, DOM, Hono': {
    options: { ...bundler, lib: ['es2022', 'dom'], types: [] },
    files: ['core.ts', 'hono.ts', 'every-core.ts', 'every-hono.ts'],
  },
  'bundler, Workers': {
    options: { ...bundler, lib: ['es2022'], types: ['@cloudflare/workers-types'] },
    files: ['core.ts', 'workers.ts', 'every-core.ts', 'every-workers.ts'],
  },
}

const compilers = Object.keys(read('tools/typescript/package.json').devDependencies)
/** The oldest ones and the newest ones with each project; those between with what differs most. */
function projectsOf(compiler: string): string[] {
  const names = Object.keys(projects).filter(
    (name) => name !== (compiler < 'typescript-5.7' ? 'bundler, DOM, Hono' : 'bundler, DOM'),
  )
  return /5\.[5689]$/.test(compiler) ? ['nodenext, Node'] : names
}

beforeAll(async () => {
  await install('tools/typescript')
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  renameSync(packedPackage(folder), join(modules, 'tollgate'))
  for (const name of beside) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  cpSync(join(tools, 'consumer'), folder, { recursive: true })
  // In place of the framework, which has 145 packages: test/package/mcp-framework-page.test.ts has the real one.
  cpSync(
    join(root, 'src/adapter/mcp-framework/mcp-framework-types.d.ts'),
    join(folder, 'mcp-framework-types.d.ts'),
  )
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // Whatever the hand-written files leave out is imported at least.
  const every = Object.keys(read('package.json').exports).map((subpath) => subpath.replace(/^\./, 'tollgate'))
  const hosted = Object.values(ofHosts).flat()
  for (const [name, chosen] of Object.entries({
    core: every.filter((each) => !hosted.includes(each)),
    ...ofHosts,
  }))
    writeFileSync(
      join(folder, `every-${name}.ts`),
      chosen
        .map((each, index) => `import * as m${index} from '${each}'\nexport const e${index} = m${index}\n`)
        .join(''),
    )
  for (const [name, { options, files }] of Object.entries(projects))
    writeFileSync(
      join(folder, `${name}.json`),
      JSON.stringify({
        compilerOptions: {
          target: 'es2022',
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          noPropertyAccessFromIndexSignature: true,
          verbatimModuleSyntax: true,
          skipLibCheck: false,
          noEmit: true,
          ...options,
        },
        files,
      }),
    )
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says. */
const compile = (compiler: string, project: string): Promise<string> =>
  new Promise((resolve) => {
    const bin = join(tools, 'node_modules', compiler, 'bin/tsc')
    execFile(
      process.execPath,
      [bin, '-p', `${project}.json`, '--pretty', 'false'],
      { cwd: folder },
      (error, stdout, stderr) => resolve(error === null ? 'compiled' : stdout + stderr),
    )
  })

test('U16 package.json of the compilers names each minor version from 5.4 on', () => {
  expect(compilers.slice(0, 6)).toEqual(
    ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9'].map((v) => `typescript-${v}`),
  )
  expect(compilers).toContain('typescript-6.0')
  expect(compilers).toContain('typescript-7.0')
})

describe.each(compilers)('%s', (compiler) => {
  test.concurrent.each(projectsOf(compiler))(
    `U16 the packed declarations compile with ${compiler}: %s`,
    { timeout: 120_000 },
    async (project) => {
      expect(await compile(compiler, project)).toBe('compiled')
    },
  )
})
