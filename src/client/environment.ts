/**
 * What a host gave to a process on stdio. The secrets are not enumerable, so that they are not logged by
 * accident.
 */
export interface EnvironmentCredentials {
  readonly accessToken: string | undefined
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly scopes: readonly string[]
  /** An `Authorization` header, where there is a token. */
  headers(): Record<string, string>
}

/**
 * Credentials for servers and clients on stdio, which take them from the environment and not by this protocol
 * (MCP, Authorization, Protocol Requirements): `MCP_ACCESS_TOKEN`, `MCP_CLIENT_ID`, `MCP_CLIENT_SECRET`,
 * `MCP_SCOPE`.
 *
 * @param environment `process.env`, `Deno.env.toObject()` or a Worker's bindings.
 * @param options.prefix Default `MCP_`.
 */
export function credentialsFromEnvironment(
  environment: Readonly<Record<string, unknown>>,
  options: { prefix?: string } = {},
): EnvironmentCredentials {
  const { prefix = 'MCP_' } = options
  const take = (name: string): string | undefined => {
    const value = environment[`${prefix}${name}`]
    // A trailing newline comes from `$(cat token)`; what cannot stand in a header is no credential.
    const text = typeof value === 'string' ? value.trim() : ''
    return /^[\x21-\x7e]+$/.test(text) ? text : undefined
  }
  const scope = environment[`${prefix}SCOPE`]
  const accessToken = take('ACCESS_TOKEN')
  const credentials = {
    clientId: take('CLIENT_ID'),
    scopes: typeof scope === 'string' ? scope.split(/\s+/).filter(Boolean) : [],
    headers: (): Record<string, string> =>
      accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
  }
  return Object.defineProperties(credentials, {
    accessToken: { value: accessToken, enumerable: false },
    clientSecret: { value: take('CLIENT_SECRET'), enumerable: false },
  }) as typeof credentials & EnvironmentCredentials
}
