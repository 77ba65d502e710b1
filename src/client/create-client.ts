import { OAuthError } from '../errors.ts'
import type { Fetch } from '../types.ts'
import type { ClientContext } from './context.ts'
import { createContext } from './create-context.ts'
import { authorizedFetch } from './fetch/authorized-fetch.ts'
import { connectFirst } from './fetch/connect.ts'
import { startAuthorization } from './interactive/user-authorization.ts'
import { answerCallback } from './interactive/web-callback.ts'
import type { ClientOptions } from './options.ts'
import { checkServer } from './outgoing.ts'
import { saveRecord, serverRecord } from './records.ts'
import { selectScopes } from './scopes.ts'
import { signOut } from './tokens/sign-out.ts'
import { asRequested } from './urls.ts'
import { recordKeys } from './record-keys.ts'

/** An OAuth client for MCP servers. */
export interface Client {
  /**
   * `fetch` with authorization, for the official SDK's `StreamableHTTPClientTransport` or any other use.
   * Request bodies are read into memory, so that they can be sent again. Rejects with {@link
   * AuthorizationRequiredError} if `redirect` is a URL and the user has to approve, and with the codes of
   * docs/guide/client.md.
   */
  fetch: Fetch
  /**
   * Starts an authorization and returns the URL for the user's browser; the answer at the redirect URI is
   * expected for `authorizationTimeout` seconds. `onAuthorized` and `onError` report the outcome. Stores the
   * pending authorization.
   */
  authorize(resource: string | URL): Promise<URL>
  /**
   * Answers the request at the redirect URI, or at a path one segment below it; 404 at another path. Stores
   * the tokens.
   */
  callback(request: Request): Promise<Response>
  /**
   * Deletes all tokens for this server and revokes them at their issuers (RFC 7009). Rejects with
   * `unknown_server` for a URL that this client never connected to.
   */
  signOut(resource: string | URL): Promise<void>
}

const contexts = new WeakMap<Client, ClientContext>()

/** The context of a client, for what is built on one, such as the SDK bridge. */
export function contextOf(client: Client): ClientContext {
  const context = contexts.get(client)
  if (context === undefined) throw new TypeError('The client must be what createClient() returned')
  return context
}

/**
 * Creates a client that discovers, registers, authorizes, renews and steps up by itself.
 *
 * @param options See {@link ClientOptions}. Throws ConfigurationError for an unknown or unusable option.
 * @see [MCP Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
 *
 * @example
 * import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
 * const client = createClient({ redirect: loopbackRedirect({ open: openUrl }), storage: fileStorage() })
 * const server = new URL('https://notes.example.com/mcp')
 * const transport = new StreamableHTTPClientTransport(server, { fetch: client.fetch })
 */
export function createClient(options: ClientOptions = {}): Client {
  const context = createContext(options)
  const client: Client = {
    fetch: (input, init) => authorizedFetch(context, input, init),
    authorize: async (resource) => authorize(context, serverUrl(resource)),
    callback: (request) => answerCallback(context, request),
    signOut: async (resource) => signOut(context, serverUrl(resource)),
  }
  contexts.set(client, context)
  return client
}

async function authorize(context: ClientContext, server: string): Promise<URL> {
  checkServer(context, server)
  const { connection, challenge } = await connectFirst(context, server)
  const { found } = connection
  await saveRecord(context, serverRecord, await recordKeys.server(server), found)
  const scopes = selectScopes(found, challenge?.parameters['scope'], context.options.scopes)
  const { url, finished } = await startAuthorization(connection, scopes)
  // onAuthorized and onError report the outcome.
  finished?.catch(() => undefined)
  return url
}

function serverUrl(resource: string | URL): string {
  if (!URL.canParse(String(resource)))
    throw new OAuthError('invalid_request', `The resource must be a URL; got ${JSON.stringify(resource)}`)
  return asRequested(resource)
}
