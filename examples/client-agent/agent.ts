// An agent without a model: it calls the tools that a plan names, on a protected MCP server.
import { createInterface } from 'node:readline/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createAuthorization } from './authorization.ts'
import { oneLine, parseCall, printable, textOf } from './call.ts'
import { explain } from './explain.ts'
import { readSettings, usage, UsageError, type Settings } from './settings.ts'

// The SDK gives a request a minute; a user who signs in may need longer.
const patience = { timeout: 600_000 }
/** A sentence of this agent, in which a server may have words. */
const say = (text: string): void => console.error(oneLine(text))

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let settings: Settings | undefined
  try {
    settings = await readSettings(args, process.env)
    if (settings === undefined) console.log(usage)
    else if (settings.signOut) await signOut(settings)
    else return await work(settings)
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      say(error.message)
      console.error(`\n${usage}`)
      return 2
    }
    say(explain(error, settings))
    return 1
  }
}

async function signOut(settings: Settings): Promise<void> {
  await createAuthorization(settings).signOut(settings.server)
  say(`Signed out of ${settings.server.href}. The next call asks again.`)
}

/** Runs the plan. A call that fails ends it, but for a user who types. */
async function work(settings: Settings): Promise<number> {
  const { server, calls } = settings
  const authorization = createAuthorization(settings)
  const client = new Client({ name: 'client-agent', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(server, { fetch: authorization.fetch })
  const end = async (): Promise<void> => {
    // A server that keeps sessions can forget this one.
    await transport.terminateSession().catch(() => undefined)
    await client.close()
  }
  endOnSignals(end)
  await client.connect(transport, patience)
  try {
    const { tools } = await client.listTools(undefined, patience)
    say(`${client.getServerVersion()?.name ?? server.host}: ${tools.map(({ name }) => name).join(', ')}`)
    const typed = calls.length === 0 && (process.stdin.isTTY || settings.ask)
    for await (const line of calls.length > 0 ? calls : typed ? prompts() : linesOf(process.stdin)) {
      if (line.trim() === '' || line.startsWith('#')) continue
      try {
        const result = await client.callTool(parseCall(line, tools), patience)
        if (result.isError) throw new Error(textOf(result))
        console.log(printable(textOf(result)))
      } catch (error) {
        if (!typed) throw error
        say(explain(error, settings))
      }
    }
    return 0
  } finally {
    await end()
  }
}

/** Until the user types `quit`, Ctrl-D or Ctrl-C. */
async function* prompts(): AsyncGenerator<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  let ended = false
  terminal.once('close', () => (ended = true))
  terminal.once('SIGINT', () => process.emit('SIGINT'))
  terminal.setPrompt('> ')
  terminal.prompt()
  for await (const line of terminal) {
    if (['exit', 'quit'].includes(line.trim())) break
    yield line
    if (!ended) terminal.prompt()
  }
  terminal.close()
}

function linesOf(input: NodeJS.ReadStream): AsyncIterable<string> {
  return createInterface({ input })
}

/** A sign-in that waits ends with the process, and does not block the next one. A second Ctrl-C does not wait. */
function endOnSignals(end: () => Promise<void>): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      console.error('\nStopped.')
      void end().finally(() => process.exit(code))
    })
}
