import { matching, readOptions } from '../lib/options.ts'

/**
 * Credentials from the environment of a process on stdio. The secrets are not enumerable, so that they are
 * not logged by accident.
 */
export interface EnvironmentCredentials {
  /** `MCP_ACCESS_TOKEN`. Not enumerable. */
  readonly accessToken: string | undefined
  /** `MCP_CLIENT_ID`. */
  readonly clientId: string | undefined
  /** `MCP_CLIENT_SECRET`. Not enumerable. */
  readonly clientSecret: string | undefined
  /** `MCP_SCOPE`, split at blanks. Empty without. */
  readonly scopes: readonly string[]
  /** An `Authorization` header, if there is a token. */
  headers(): Record<string, string>
}

/** Options of {@link credentialsFromEnvironment}. */
export interface EnvironmentOptions {
  /** Of the variables' names. Default `MCP_`. */
  prefix?: string
}

/**
 * Reads the credentials of a server or client on stdio, which come from the environment and not by this
 * protocol (MCP, Authorization, Protocol Requirements): `MCP_ACCESS_TOKEN`, `MCP_CLIENT_ID`,
 * `MCP_CLIENT_SECRET`, `MCP_SCOPE`. A value that cannot stand in a header counts as absent.
 *
 * @param environment `process.env`, `Deno.env.toObject()` or a Worker's bindings.
 * @param options See {@link EnvironmentOptions}. Throws ConfigurationError for an unknown or unusable option.
 */
export function credentialsFromEnvironment(
  environment: Readonly<Record<string, unknown>>,
  options: EnvironmentOptions = {},
): EnvironmentCredentials {
  const { prefix } = readOptions('credentialsFromEnvironment', options, {
    prefix: matching<string>('a string', (value) => typeof value === 'string').default('MCP_'),
  })
  const read = (name: string): string | undefined => {
    const value = environment[`${prefix}${name}`]
    // `$(cat token)` leaves a newline at the end.
    const text = typeof value === 'string' ? value.trim() : ''
    return /^[\x21-\x7e]+$/.test(text) ? text : undefined
  }
  const scope = environment[`${prefix}SCOPE`]
  const accessToken = read('ACCESS_TOKEN')
  const credentials = {
    clientId: read('CLIENT_ID'),
    scopes: typeof scope === 'string' ? scope.split(/\s+/).filter(Boolean) : [],
    headers: (): Record<string, string> =>
      accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
  }
  return Object.defineProperties(credentials, {
    accessToken: { value: accessToken, enumerable: false },
    clientSecret: { value: read('CLIENT_SECRET'), enumerable: false },
  }) as typeof credentials & EnvironmentCredentials
}
