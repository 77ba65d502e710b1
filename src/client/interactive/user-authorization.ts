import { isOAuthError, OAuthError } from '../../errors.ts'
import type { Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { AuthorizationRequiredError } from '../errors.ts'
import { identify } from '../identity/identity.ts'
import { issuerSegment, requireOwnEndpoints, withSegment } from '../identity/issuer-redirect.ts'
import { readRecord, registrationRecord, type TokenRecord } from '../records.ts'
import { includesAll, requestedScopes } from '../scopes.ts'
import { isFresh, readTokens } from '../tokens/tokens.ts'
import type { AuthorizationRequest } from '../types.ts'
import { authorizationEndpoint, beginAuthorization } from './authorization-request.ts'
import { listenForCallback } from './callback-listener.ts'
import { recordKeys } from '../record-keys.ts'
import { withoutQuery } from '../urls.ts'

/**
 * New tokens by asking the user. Parallel callers with the same `name` share one authorization, so that the
 * user sees one page. Rejects with {@link AuthorizationRequiredError} if the application has to send the user
 * there itself. `rejected` is an access token that the server refused.
 */
export function acquireByUser(
  connection: Connection,
  name: string,
  scopes: string[] | undefined,
  rejected?: string,
): Promise<TokenRecord> {
  const { context } = connection
  const authorize = (): Promise<TokenRecord> => authorizeUser(connection, scopes)
  if (typeof context.options.redirect !== 'object') return context.acquisitions.run(name, authorize)
  const running = context.authorizations.get(name)
  if (running !== undefined) return running
  const authorization = underLock(context, name, async () => {
    const tokens = await readTokens(connection)
    const isNew = tokens !== undefined && tokens.accessToken !== rejected && isFresh(context, tokens)
    return isNew && includesAll(requestedScopes(tokens), scopes ?? []) ? tokens : authorize()
  }).finally(() => context.authorizations.delete(name))
  context.authorizations.set(name, authorization)
  return authorization
}

/**
 * Under the storage's lock, so that a user who starts several programs at once signs in to one of them, and
 * the others find the tokens. No program waits longer than the user has to approve: a holder of the lock that
 * has no answer by then will get none, and the page is shown again.
 */
async function underLock(
  { storage, options }: ClientContext,
  name: string,
  work: () => Promise<TokenRecord>,
): Promise<TokenRecord> {
  let started: Promise<TokenRecord> | undefined
  const start = (): Promise<TokenRecord> => (started ??= work())
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), options.authorizationTimeout * 1000)
  })
  // If the lock comes after the timeout, its work is the attempt that was started without it.
  const locked = storage.exclusively(await recordKeys.authorization(name), start)
  locked.catch(() => undefined)
  try {
    return (await Promise.race([locked, timeout])) ?? (await start())
  } finally {
    clearTimeout(timer)
  }
}

async function authorizeUser(connection: Connection, scopes: string[] | undefined): Promise<TokenRecord> {
  const { context, found } = connection
  const { url, finished, open } = await startAuthorization(connection, scopes)
  if (finished === undefined)
    throw new AuthorizationRequiredError(url, toAuthorizationRequest(connection, scopes))
  try {
    const [tokens] = await Promise.all([finished, open()])
    return tokens
  } catch (error) {
    // A server that has forgotten the client shows an error page and does not redirect: register again next
    // time.
    if (isOAuthError(error) && error.code === 'authorization_timeout')
      await context.storage.delete(await recordKeys.registration(found.issuer))
    throw error
  }
}

/** Which server asks for what, for the user and for the log. */
const toAuthorizationRequest = (
  { server, found: { issuer } }: Connection,
  scopes: string[] | undefined,
): AuthorizationRequest => ({ server: withoutQuery(server), issuer, scopes })

/** An authorization under way. */
export interface StartedAuthorization {
  readonly url: URL
  /** The tokens, if the redirect ends in this process. */
  readonly finished: Promise<TokenRecord> | undefined
  /** Shows the URL to the user. */
  open(): Promise<void>
}

/** Makes the authorization request, and listens for its answer if the redirect ends in this process. */
export async function startAuthorization(
  connection: Connection,
  scopes: string[] | undefined,
  { prompts = true }: { prompts?: boolean } = {},
): Promise<StartedAuthorization> {
  const { context, found } = connection
  const { redirect } = context.options
  if (redirect === undefined)
    throw new OAuthError(
      'authorization_required',
      'The server wants a token, and the client has neither "redirect" nor "grant"',
    )
  // Checked before anything is registered.
  authorizationEndpoint(connection)
  const segment = await issuerSegment(connection)
  if (typeof redirect === 'string') {
    const uri = withSegment(redirect, segment)
    if (segment === undefined) requireOwnEndpoints(connection)
    const identity = await identify(connection, uri, scopes)
    const { url } = await beginAuthorization(connection, identity, uri, scopes, prompts)
    return { url, finished: undefined, open: async () => undefined }
  }
  const key = await recordKeys.registration(found.issuer)
  const registration = await readRecord(context, registrationRecord, key)
  const listener = await listenForCallback(context, redirect, registration?.redirectUri, segment)
  try {
    // A custom redirect may have a single URI.
    if (segment === undefined || !new URL(listener.uri).pathname.endsWith(`/${segment}`))
      requireOwnEndpoints(connection)
    const identity = await identify(connection, listener.uri, scopes)
    const begin = (prompts: boolean): ReturnType<typeof beginAuthorization> =>
      beginAuthorization(connection, identity, listener.uri, scopes, prompts)
    const { url, state } = await begin(true)
    const finished = listener.waitForTokens(state, () => begin(false))
    return {
      url,
      finished,
      open: () => listener.show(url, toAuthorizationRequest(connection, scopes)),
    }
  } catch (error) {
    await listener.close()
    throw error
  }
}
