import process from 'node:process'

import type { Io } from './io.ts'

/** What every prompt gets. The questions go to `stderr`, so that `stdout` can be a file. */
export interface Streams {
  readonly input: Io['stdin']
  readonly output: Io['stderr']
  readonly signal: AbortSignal
}

/**
 * Asks at the terminal. The end of the input (Ctrl-D), SIGTERM and SIGHUP cancel a prompt as Ctrl-C does:
 * prompts know only Ctrl-C, and would leave the cursor hidden or the next line of the user shown.
 */
export async function atTerminal<T>(
  { stdin, stderr }: Io,
  ask: (streams: Streams) => Promise<T>,
): Promise<T> {
  setSize(stderr)
  const controller = new AbortController()
  const cancel = (): void => {
    controller.abort()
  }
  const cancelOnCtrlD = (_: unknown, key?: { ctrl?: boolean; name?: string }): void => {
    // Only when all other listeners have seen the key: readline closes itself.
    if (key?.ctrl === true && key.name === 'd') queueMicrotask(cancel)
  }
  stdin.on('keypress', cancelOnCtrlD).on('end', cancel)
  for (const signal of signals) process.on(signal, cancel)
  try {
    return await ask({ input: stdin, output: stderr, signal: controller.signal })
  } finally {
    stdin.off('keypress', cancelOnCtrlD).off('end', cancel)
    for (const signal of signals) process.off(signal, cancel)
  }
}

/** A terminal that says 0 columns does not know; prompts would break each line after one letter. */
function setSize(output: Io['stderr'] & { columns?: number; rows?: number }): void {
  if (output.columns === 0) output.columns = 80
  if (output.rows === 0) output.rows = 24
}

const signals = ['SIGTERM', 'SIGHUP'] as const
