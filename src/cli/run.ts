import { Command, CommanderError } from 'commander'

import { isConfigurationError } from '../errors.ts'
import { createCommand } from './create.ts'
import { CommandError, exitCodes, type Io } from './io.ts'
import { passwordCommand } from './password.ts'
import { ownVersion } from './version.ts'

/**
 * Runs `tollgate` with these arguments and resolves with the exit code. What a command makes goes to
 * `stdout`, everything else to `stderr`.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io)
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true })
      return exitCodes.usage
    }
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Commander has said what is wrong, or has shown the help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (!(error instanceof CommandError) && !isConfigurationError(error)) throw error
    io.stderr.write(`error: ${error.message}\n`)
    return error instanceof CommandError ? error.exitCode : exitCodes.usage
  }
}

function createProgram(io: Io): Command {
  const program = new Command('tollgate')
    .description('OAuth 2.1 for MCP servers.')
    .version(ownVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print this help, or the one of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError('Run with --help to see what there is.')
    .addHelpText('after', help)
  for (const command of [createCommand(io), passwordCommand(io)])
    program.addCommand(command.copyInheritedSettings(program))
  return program
}

const help = `
Examples:
  npx tollgate create my-server       make a new MCP server that is protected
  npx tollgate password               ask for a password and print its hash
  npx tollgate password < file        the same for the line in a file

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted`
