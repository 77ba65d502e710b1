import { isCancel, password as askForPassword } from '@clack/prompts'

import { CommandError, exitCodes, type Io } from './io.ts'

/** In characters: NIST SP 800-63B §3.1.1.2 for a password that is the only factor. */
const minLength = 15
const maxLength = 1000

/** Asks for a new password twice, or reads one line if the standard input is not a terminal. */
export async function readPassword(io: Io): Promise<string> {
  if (io.stdin.isTTY !== true) return readLine(io)
  const password = await ask(io, 'New password', problemOf)
  await ask(io, 'The same password again', (again) =>
    again === password ? undefined : 'The two passwords differ.',
  )
  return password
}

/** The question goes to `stderr`, so that `stdout` can be a file. */
async function ask(
  { stdin, stderr }: Io,
  message: string,
  check: (text: string) => string | undefined,
): Promise<string> {
  const answer = await askForPassword({
    message,
    validate: (text) => check(text ?? ''),
    input: stdin,
    output: stderr,
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
  const { length } = [...text]
  if (length < minLength)
    return `The password must have at least ${minLength} characters, for example four words; got ${length}.`
  return length > maxLength ? tooLong : undefined
}
