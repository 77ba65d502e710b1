// Who may call the MCP server. This is the only file that knows the mode.
import { DatabaseSync } from 'node:sqlite'
import {
  ConfigurationError,
  createResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
  type Runtime,
} from 'tollgate'
import { createAuthorizationServer, type EmbeddedAuthorizationServer } from 'tollgate/authorization-server'
import { introspectionVerifier } from 'tollgate/introspection'
import { clientAddress } from 'tollgate/node'
import { oidc } from 'tollgate/provider/oidc'
import { passwordSignIn } from 'tollgate/sign-in/password'
import { sqlite } from 'tollgate/store/sqlite'
import { scopes } from './notes/scopes.ts'
import { SettingError, type External, type Internal, type Settings } from './settings.ts'

export interface Auth {
  rs: ResourceServer
  /** Answers the OAuth endpoints and the metadata. */
  handle(request: Request): Promise<Response | undefined>
}

type TrustedServer = ResourceServerOptions['authorizationServers'][number]

/** What the store or another server threw. It may quote secrets: keep it where your errors go. */
const onError = (error: unknown, { where }: { where: string }): void => console.error(where, error)

/** Throws SettingError if the library refuses a variable. */
export function createAuth({ publicUrl, authorization }: Settings): Auth {
  const resource = `${publicUrl}/mcp`
  const behindProxy = publicUrl.startsWith('https:')
  // Behind a proxy the connection's address is the proxy's.
  const runtime: Runtime = { onError, ...(behindProxy ? {} : { clientAddress }) }

  const guard = (server: TrustedServer): ResourceServer =>
    createResourceServer({
      resource,
      resourceName: 'Notes',
      authorizationServers: [server],
      scopesSupported: Object.keys(scopes),
      ...runtime,
    })

  if (authorization.mode === 'external') {
    const rs = guard(trustTokens(authorization))
    return { rs, handle: (request) => rs.handle(request) }
  }
  const as = issueTokens(authorization, { issuer: publicUrl, resource, behindProxy, ...runtime })
  const rs = guard(as)
  return { rs, handle: async (request) => (await as.handle(request)) ?? rs.handle(request) }
}

function issueTokens(
  { secret, passwordHash: hash, database }: Internal,
  { resource, ...place }: Runtime & { issuer: string; resource: string; behindProxy: boolean },
): EmbeddedAuthorizationServer {
  const signIn = named('OWNER_PASSWORD_HASH', () => passwordSignIn({ users: { owner: { hash } } }))
  const store = named('DATABASE', () => sqlite(openDatabase(database)))
  // Expired records.
  setInterval(() => store.sweep(Date.now() / 1000).catch(() => undefined), 600_000).unref()
  const resources = { [resource]: { name: 'Notes', scopes } }
  return createAuthorizationServer({ secret, store, signIn, resources, ...place })
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  // SQLite reads a file only when it is used. A file that is not a database must end the program now.
  database.exec('PRAGMA user_version')
  return database
}

/** For a provider that differs from the standards, its preset stands here: `okta`, `entra`, `cognito`, … */
function trustTokens({ issuer, introspection }: External): TrustedServer {
  const provider = named('AUTH_SERVER_URL', () => oidc({ issuer }))
  if (introspection === undefined) return provider
  const { url: introspectionEndpoint, clientId, clientSecret } = introspection
  return named('INTROSPECTION_URL', () =>
    introspectionVerifier(oidc({ issuer, introspectionEndpoint, clientId, clientSecret })),
  )
}

/** Says which variable is wrong, instead of which option. */
function named<T>(variable: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    const isExpected = error instanceof ConfigurationError || (error as Error & { code?: string }).code
    if (isExpected) throw new SettingError(`${variable} cannot be used: ${(error as Error).message}`)
    throw error
  }
}
