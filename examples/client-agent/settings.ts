// What the command line and the environment ask for.
import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { PreregisteredClient } from 'tollgate/client'

export const usage = `node agent.ts <server> [call …]

  <server>              the URL of an MCP server
  <call>                a tool and its arguments: "write_note title=Milk text='two bottles'"
                        without one: at a terminal it asks for them, else the input has one per line

  --sign-out            revokes and deletes the tokens for this server
  --allow-origin <url>  an origin that may be used although it is not public https; may be repeated
  --ask                 opens the browser, and asks for calls, although this is no terminal
  --help

Without a user, from the environment:
  AGENT_ISSUER          the authorization server at which this agent is registered
  AGENT_CLIENT_ID
  AGENT_CLIENT_SECRET   or AGENT_KEY_FILE, an EC key of P-256 in PEM, with AGENT_KEY_ID if it has one
  AGENT_SCOPES          the most that it requests, with blanks between them

AGENT_FOLDER            where tokens lie. Default: of this user's configuration`

export class UsageError extends Error {}

export interface Settings {
  server: URL
  calls: readonly string[]
  signOut: boolean
  allowOrigins: readonly string[]
  /** Whether the user can be asked to sign in. */
  interactive: boolean
  ask: boolean
  folder: string | undefined
  /** The agent's own identity, if it acts for itself. */
  self: Self | undefined
}

interface Self extends PreregisteredClient {
  scopes: readonly string[]
}

/** Undefined: the user asked for help. */
export async function readSettings(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Settings | undefined> {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  const [server, ...calls] = positionals
  if (server === undefined || !URL.canParse(server))
    throw new UsageError(`<server> must be a URL; got ${JSON.stringify(server ?? '')}.`)
  return {
    server: new URL(server),
    calls,
    signOut: values['sign-out'],
    allowOrigins: values['allow-origin'],
    ask: values.ask,
    interactive: values.ask || process.stderr.isTTY,
    folder: environment['AGENT_FOLDER'] || undefined,
    self: await readSelf(environment),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'sign-out': { type: 'boolean', default: false },
        'allow-origin': { type: 'string', multiple: true, default: [] },
        ask: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function readSelf(environment: NodeJS.ProcessEnv): Promise<Self | undefined> {
  const {
    AGENT_ISSUER: issuer,
    AGENT_CLIENT_ID: clientId,
    AGENT_CLIENT_SECRET: clientSecret,
    AGENT_KEY_FILE: keyFile,
    AGENT_KEY_ID: kid,
    AGENT_SCOPES: scopes = '',
  } = environment
  if (!issuer && !clientId) return undefined
  if (!issuer || !clientId || (!clientSecret && !keyFile))
    throw new UsageError(
      'AGENT_ISSUER, AGENT_CLIENT_ID and AGENT_CLIENT_SECRET or AGENT_KEY_FILE belong together.',
    )
  const credentials = keyFile
    ? { privateKey: { key: await readKey(keyFile), ...(kid ? { kid } : {}) } }
    : { clientSecret: clientSecret! }
  return { issuer, clientId, ...credentials, scopes: scopes.split(/\s+/).filter(Boolean) }
}

/** As `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes it. */
async function readKey(file: string) {
  try {
    const der = createPrivateKey(await readFile(file)).export({ format: 'der', type: 'pkcs8' })
    return await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
    ])
  } catch (error) {
    throw new UsageError(`AGENT_KEY_FILE must be an EC key of P-256 in PEM: ${(error as Error).message}`)
  }
}
