import { spawn } from 'node:child_process'
import process from 'node:process'

import { CommandError, exitCodes } from '../io.ts'

/**
 * Runs the command in the folder. Its output is shown only if it fails.
 *
 * @throws CommandError if it fails, and if the user interrupts it.
 */
export async function install(command: string, folder: string): Promise<void> {
  const [program = '', ...args] = command.split(' ')
  // On Windows, npm is a script of the shell. No part of the command comes from the user.
  const child = spawn(program, args, {
    cwd: folder,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    child.kill('SIGINT')
  }
  process.once('SIGINT', stop)
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
