// A child with all that it starts: on POSIX systems a process group, on Windows the tree of `taskkill`.
import { spawnSync } from 'node:child_process'
import { win32 } from 'node:path'

/** How the child must be spawned, so that {@link signalTree} reaches what it starts. */
export const treeOptions = (platform: NodeJS.Platform = process.platform): { detached: boolean } => ({
  // On Windows, a detached child gets a window of its own.
  detached: platform !== 'win32',
})

interface System {
  readonly platform: NodeJS.Platform
  kill(pid: number, signal: NodeJS.Signals): void
  run(command: string, args: readonly string[]): void
}

const thisSystem: System = {
  platform: process.platform,
  kill: (pid, signal) => void process.kill(pid, signal),
  run: (command, args) => void spawnSync(command, args, { stdio: 'ignore', windowsHide: true }),
}

/** Signals a child and all that it started. Windows has no signals: each of them ends the tree at once. */
export function signalTree(pid: number | undefined, signal: NodeJS.Signals, system = thisSystem): void {
  // It could not be started.
  if (pid === undefined) return
  if (system.platform === 'win32') return system.run(taskkill, ['/pid', String(pid), '/t', '/f'])
  try {
    system.kill(-pid, signal)
  } catch {
    // All of them have ended.
  }
}

/** By its path: Windows looks in the current folder first. */
const taskkill = win32.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'taskkill.exe')
