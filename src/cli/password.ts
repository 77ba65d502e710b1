import { Command, InvalidArgumentError } from 'commander'

import { hashPassword } from '../authorization-server/sign-in/password.ts'
import { iterationCount } from '../authorization-server/sign-in/password-hash.ts'
import type { Io } from './io.ts'
import { readPassword } from './read-password.ts'

/** `tollgate password`: a password becomes the hash that `passwordSignIn({ users })` takes. */
export const passwordCommand = (io: Io): Command =>
  new Command('password')
    .description(
      'Hash a password for passwordSignIn({ users }). Prints one line, the hash, and nothing else.',
    )
    .option('--iterations <count>', 'rounds of PBKDF2; Cloudflare Workers run at most 100000', parseCount)
    .addHelpText('after', help)
    .action(async (options: { iterations?: number }) => {
      iterationCount()(options.iterations, 'iterations')
      const password = await readPassword(io)
      io.stdout.write(`${await hashPassword(password, options)}\n`)
    })

const help = `
The password is asked for twice and not shown. If the standard input is no terminal, it is read: one line.

Examples:
  npx tollgate password
  npx tollgate password --iterations 100000 < generated-password
  openssl rand -base64 24 | tee password.txt | npx tollgate password > hash.txt`

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, for example 600000.')
}
