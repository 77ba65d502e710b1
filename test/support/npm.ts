// The package as npm packs it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { npmProgram } from '../../scripts/program.ts'
import { root } from '../../scripts/start-state.ts'

/** Runs npm at the repository's root, and returns what it prints. */
export function npm(...args: readonly string[]): string {
  const [command, ...before] = npmProgram()
  return execFileSync(command, [...before, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Packs what the test command has built (packing must not build it again under the other tests), and returns the tarball. */
export function packInto(folder: string): string {
  mkdirSync(folder, { recursive: true })
  npm('pack', '--ignore-scripts', '--silent', '--pack-destination', folder)
  return join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.tgz'))!,
  )
}

/** The same, unpacked: the path of its folder, which is called `package`. */
export function packedPackage(folder: string): string {
  execFileSync('tar', ['-xzf', packInto(folder), '-C', folder])
  return join(folder, 'package')
}
