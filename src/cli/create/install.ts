import { spawn, type ChildProcessByStdio } from 'node:child_process'
import process from 'node:process'
import type { Readable } from 'node:stream'

import { CommandError, exitCodes } from '../io.ts'

/**
 * Runs the command in the folder. Its output is shown only if it fails.
 *
 * @throws CommandError if it fails, and if the user interrupts it.
 */
export async function install(
  command: string,
  folder: string,
  platform: NodeJS.Platform = process.platform,
): Promise<void> {
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    child.kill('SIGINT')
  }
  // Before the start: a signal in between would end this program, and leave the installation running.
  process.once('SIGINT', stop)
  const child = start(command, folder, platform)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)))
  const problem = await new Promise<string | undefined>((resolve) => {
    child.on('error', ({ message }) => resolve(message))
    child.on('close', (code) => resolve(code === 0 ? undefined : output.trim()))
  })
  process.off('SIGINT', stop)
  if (interrupted) throw new CommandError('interrupted while installing', exitCodes.interrupted)
  if (problem !== undefined) throw new CommandError(`"${command}" failed:\n${problem}`)
}

/** On Windows, npm is a script of the shell. No part of the command comes from the user (command injection). */
function start(
  command: string,
  cwd: string,
  platform: NodeJS.Platform,
): ChildProcessByStdio<null, Readable, Readable> {
  const [program = '', ...args] = command.split(' ')
  return platform === 'win32'
    ? spawn(command, { cwd, shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
    : spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
}
