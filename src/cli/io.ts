import type { Readable, Writable } from 'node:stream'

/** What a command reads and writes: a part of `process`. Only results go to `stdout`. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable
  readonly stderr: Writable
}

/** Exit codes, as the help states them. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** What a command could not do, in one sentence for the user. */
export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message)
    this.exitCode = exitCode
  }
}
