import { OAuthError } from '../errors.ts'
import type { Fetch } from '../types.ts'
import { startAuthorization } from './interactive/acquire.ts'
import { authorizedFetch } from './fetch/authorized-fetch.ts'
import { finishAuthorization } from './interactive/callback.ts'
import { PromptRefusedError } from './errors.ts'
import { createContext, type ClientContext } from './context.ts'
import { probe } from './fetch/probe.ts'
import { isCallbackPath } from './identity/issuer-redirect.ts'
import type { ClientOptions } from './options.ts'
import { asRequested, checkServer } from './outgoing.ts'
import { answerFailure, answerSuccess, sendTo, successPage } from './interactive/page.ts'
import { keys, read, save, type AnsweredRecord } from './storage/records.ts'
import { selectScopes } from './scopes.ts'
import { signOut } from './tokens/sign-out.ts'

/** An OAuth client for MCP servers. */
export interface Client {
  /**
   * `fetch` with authorization, for the official SDK's `StreamableHTTPClientTransport` and for anything else. Request bodies are
   * read into memory, so that they can be sent again. Rejects with {@link AuthorizationRequiredError} where `redirect` is a URL and a person has to approve.
   */
  fetch: Fetch
  /** Starts an authorization. The URL is for the person's browser; where `redirect` is no URL, the way back is open when this resolves. */
  authorize(resource: string | URL): Promise<URL>
  /** Answers the request at the redirect URI, or at the path one segment below it: 404 at another path. */
  callback(request: Request): Promise<Response>
  /**
   * Forgets all tokens for this server and revokes them at their issuers. Rejects with `unknown_server` for a URL that this client
   * never dealt with.
   */
  signOut(resource: string | URL): Promise<void>
}

const contexts = new WeakMap<Client, ClientContext>()

/** What the parts that work on a client, such as the SDK bridge, share with it. */
export function contextOf(client: Client): ClientContext {
  const context = contexts.get(client)
  if (context === undefined) throw new TypeError('Pass what createClient() returned')
  return context
}

/**
 * A client that discovers, registers, authorizes, renews and steps up by itself.
 *
 * @param options See {@link ClientOptions}. Throws ConfigurationError for what is unknown or unusable.
 * @see [MCP Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
 *
 * @example
 * const client = createClient({ redirect: loopbackRedirect({ open: openUrl }), storage: fileStorage() })
 * const transport = new StreamableHTTPClientTransport(new URL('https://notes.example.com/mcp'), { fetch: client.fetch })
 */
export function createClient(options: ClientOptions = {}): Client {
  const context = createContext(options)
  const client: Client = {
    fetch: (input, init) => authorizedFetch(context, input, init),
    authorize: async (resource) => authorize(context, serverUrl(resource)),
    callback: (request) => callback(context, request),
    signOut: async (resource) => signOut(context, serverUrl(resource)),
  }
  contexts.set(client, context)
  return client
}

async function authorize(context: ClientContext, server: string): Promise<URL> {
  checkServer(context, server)
  const { found, challenge } = await probe(context, server)
  await save(context.storage, await keys.server(server), found)
  const scopes = selectScopes(found, challenge?.parameters['scope'], context.options.scopes)
  const { url, finished } = await startAuthorization(context, server, found, scopes)
  // Its outcome is told by onAuthorized and onError.
  finished?.catch(() => undefined)
  return url
}

async function callback(context: ClientContext, request: Request): Promise<Response> {
  const { redirect } = context.options
  const arrived = new URL(request.url)
  // Paths only: behind a proxy the host of request.url is anything.
  if (typeof redirect !== 'string' || request.method !== 'GET' || !isCallbackPath(arrived.pathname, redirect))
    return new Response('Not found', { status: 404 })
  try {
    return await answerOnce(context, arrived)
  } catch (error) {
    return answerFailure(context, error)
  }
}

/** Browsers load a page twice, and people reload it: the same address gets the same answer, without another exchange. */
async function answerOnce(context: ClientContext, arrived: URL): Promise<Response> {
  const { storage } = context
  const at = await keys.answered(arrived)
  return storage.exclusively(at, async () => {
    const { subject, authorizationTimeout } = context.options
    const before = await read<AnsweredRecord>(storage, at)
    if (before?.subject === subject && before.expiresAt > context.runtime.clock())
      return before.location === undefined ? successPage() : sendTo(before.location)
    const answer = await answerOf(context, arrived)
    const location = answer.headers.get('location')
    const expiresAt = context.runtime.clock() + authorizationTimeout
    const record: AnsweredRecord = { subject, ...(location === null ? {} : { location }), expiresAt }
    // The person is signed in, whatever the storage does now.
    await save(storage, at, record, { expiresAt }).catch((error: unknown) =>
      context.runtime.failed(error, 'storage'),
    )
    return answer
  })
}

async function answerOf(context: ClientContext, arrived: URL): Promise<Response> {
  try {
    const { tokens: _, ...authorized } = await finishAuthorization(context, arrived)
    return await answerSuccess(context, authorized)
  } catch (error) {
    if (!(error instanceof PromptRefusedError)) throw error
    const { server, found, scopes } = error.again
    const { url } = await startAuthorization(context, server, found, scopes, false)
    return sendTo(url.href)
  }
}

function serverUrl(resource: string | URL): string {
  if (!URL.canParse(String(resource))) throw new OAuthError('invalid_request', 'The resource is no URL')
  return asRequested(resource)
}
