// The flags of `npm start` and `npm run demo`: a wrong one is a sentence and exit code 2.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/** The values of these options. At most one of `exclusive` may be there. */
export function readFlags<T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
  exclusive: readonly string[] = [],
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  const fail = (message: string): never => {
    console.error(`${message}\n\n${usage}`)
    process.exit(2)
  }
  try {
    const { values } = parseArgs({ options })
    const given = exclusive.filter((name) => values[name as keyof typeof values] === true)
    if (given.length > 1) fail(`--${given.join(' and --')} exclude each other; pass one of them.`)
    return values
  } catch (error) {
    // Node goes on about positional arguments.
    const [first] = (error as Error).message.split(/\. /)
    return fail(`${first!.replace(/\.?$/, '')}.`)
  }
}
