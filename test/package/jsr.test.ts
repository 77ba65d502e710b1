// JSR takes the sources as they are: no slow types, each subpath of npm, dependencies that it can resolve.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { jsrManifest } from '../../scripts/jsr.ts'
import { programOf } from '../../scripts/program.ts'

const root = join(import.meta.dirname, '../..')

test('jsr.json is package.json in the words of JSR; if not: node scripts/jsr.ts', () => {
  expect(readFileSync(join(root, 'jsr.json'), 'utf8')).toBe(jsrManifest())
})

test('JSR would take the package: types, slow types, imports', { timeout: 120_000 }, () => {
  // A folder of its own: Deno may write a lock file.
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-jsr-'))
  for (const name of ['jsr.json', 'package.json', 'src', 'README.md', 'LICENSE', 'CHANGELOG.md'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  cpSync(join(root, 'tools/node/package.json'), join(folder, 'tools/node/package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  try {
    const [node, deno] = programOf('deno')
    const output = execFileSync(node, [deno, 'publish', '--dry-run', '--allow-dirty'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, NO_COLOR: '1' },
    })
    expect(output).not.toContain('src/cli')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
