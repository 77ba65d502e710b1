import { isCancel, password as askForPassword } from '@clack/prompts'

import { passwordProblem } from '../authorization-server/sign-in/password-hash.ts'
import { CommandError, exitCodes, type Io } from './io.ts'
import { atTerminal, type Streams } from './terminal.ts'

const maxLength = 1000

/** Asks for a new password twice, or reads one line if the standard input is not a terminal. */
export async function readPassword(io: Io): Promise<string> {
  if (io.stdin.isTTY !== true) return readLine(io)
  return atTerminal(io, async (streams) => {
    const password = await ask(streams, 'New password', problemOf)
    await ask(streams, 'The same password again', (again) =>
      again === password ? undefined : 'The two passwords differ.',
    )
    return password
  })
}

async function ask(
  streams: Streams,
  message: string,
  check: (text: string) => string | undefined,
): Promise<string> {
  const answer = await askForPassword({
    message,
    validate: (text) => check(text ?? ''),
    ...streams,
  })
  if (isCancel(answer)) throw new CommandError('interrupted; nothing was made', exitCodes.interrupted)
  return answer
}

async function readLine({ stdin }: Io): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
    all += decoder.decode(chunk, { stream: true })
    if (all.length > 4 * maxLength) throw new CommandError(tooLong)
  }
  const text = all.replace(/\r?\n$/, '')
  const problem = /[\r\n]/.test(text) ? 'The standard input must be one line, the password.' : problemOf(text)
  if (problem !== undefined) throw new CommandError(problem)
  return text
}

const tooLong = `The password must have at most ${maxLength} characters.`

function problemOf(text: string): string | undefined {
  const problem = passwordProblem(text)
  if (problem !== undefined) return `The password ${problem}.`
  return [...text].length > maxLength ? tooLong : undefined
}
