import { OAuthError } from '../../errors.ts'
import { formatScope } from '../../protocol/scope.ts'
import { authorizationEndpoint, beginAuthorization, targetParameters } from './authorization.ts'
import type { ClientContext } from '../context.ts'
import { AuthorizationRequiredError } from '../errors.ts'
import type { AuthorizationRequest } from '../options.ts'
import { withoutQuery } from '../outgoing.ts'
import { withinConfigured } from '../scopes.ts'
import { forget, identify, isForgotten } from '../identity/identity.ts'
import { openWayBack } from './interactive.ts'
import { issuerSegment, requireOwnEndpoints, withSegment } from '../identity/issuer-redirect.ts'
import {
  keys,
  read,
  save,
  type RegistrationRecord,
  type ServerRecord,
  type TokenRecord,
} from '../storage/records.ts'
import { tokenKey } from '../tokens/token-key.ts'
import { isFresh, keepTokens, readTokens } from '../tokens/tokens.ts'

/**
 * New tokens: by a grant without a person, or by asking one. Parallel callers share one authorization, so that a person sees
 * one page. Rejects with {@link AuthorizationRequiredError} where the host has to send the person there itself. `rejected` is an
 * access token that the server did not take.
 */
export async function acquireTokens(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  scopes: string[] | undefined,
  rejected?: string,
): Promise<TokenRecord> {
  const at = await tokenKey(context, server, found)
  const name = `${at} ${scopes?.toSorted().join(' ') ?? ''}`
  const { grant, redirect } = context.options
  const work = (): Promise<TokenRecord> => perform(context, server, found, scopes, at)
  if (grant !== undefined || typeof redirect !== 'object') return context.acquisitions.run(name, work)
  const running = context.authorizations.get(name)
  if (running !== undefined) return running
  const authorization = takeTurn(context, await keys.signIn(name), async () => {
    const tokens = await readTokens(context, at)
    const isNew = tokens !== undefined && tokens.accessToken !== rejected && isFresh(context, tokens)
    return isNew && covers(tokens, scopes) ? tokens : work()
  }).finally(() => context.authorizations.delete(name))
  context.authorizations.set(name, authorization)
  return authorization
}

/**
 * Under the storage's lock, so that a person who starts several programs at once signs in to one of them, and the others find the
 * tokens. Nobody waits longer than a person has to approve: whoever holds the lock until then has not got an answer, and the page goes up anew.
 */
async function takeTurn(
  { storage, options }: ClientContext,
  at: string,
  work: () => Promise<TokenRecord>,
): Promise<TokenRecord> {
  let began: Promise<TokenRecord> | undefined
  const begin = (): Promise<TokenRecord> => (began ??= work())
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), options.authorizationTimeout * 1000)
  })
  // If the turn comes too late, there is nothing left to do in it but to end with the attempt that was made without it.
  const turn = storage.exclusively(at, begin)
  turn.catch(() => undefined)
  try {
    return (await Promise.race([turn, late])) ?? (await begin())
  } finally {
    clearTimeout(timer)
  }
}

/** Whether it was asked or granted for all of these. */
const covers = ({ asked = [], granted = [] }: TokenRecord, scopes: string[] = []): boolean =>
  scopes.every((scope) => asked.includes(scope) || granted.includes(scope))

async function perform(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  scopes: string[] | undefined,
  at: string,
): Promise<TokenRecord> {
  if (context.options.grant !== undefined) return withoutPerson(context, server, found, scopes, at)
  const { url, finished, open } = await startAuthorization(context, server, found, scopes)
  if (finished === undefined) throw new AuthorizationRequiredError(url, requestOf(server, found, scopes))
  try {
    const [tokens] = await Promise.all([finished, open()])
    return tokens
  } catch (error) {
    // A server that has forgotten the client shows an error page and sends nobody back: register anew next time.
    if (error instanceof OAuthError && error.code === 'authorization_timeout')
      await context.storage.delete(await keys.registration(found.issuer))
    throw error
  }
}

async function withoutPerson(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  wanted: string[] | undefined,
  at: string,
): Promise<TokenRecord> {
  const scopes = withinConfigured(wanted, context.options.scopes)
  const identity = await identify(context, server, found, undefined)
  const parameters = { ...targetParameters(context, server, found), scope: scopes && formatScope(scopes) }
  const answer = await context.options.grant!({ context, server, found, identity, parameters }).catch(
    async (reason: unknown) => {
      if (isForgotten(reason)) await forget(context, found.issuer, identity.clientId)
      throw reason
    },
  )
  const tokens = await keepTokens(context, at, found, answer, {
    server,
    clientId: identity.clientId,
    asked: scopes,
  })
  await save(context.storage, await keys.server(server), found)
  return tokens
}

/** Who asks for what, for the person and for the log. */
function requestOf(
  server: string,
  { issuer }: ServerRecord,
  scopes: string[] | undefined,
): AuthorizationRequest {
  return { server: withoutQuery(server), issuer, scopes }
}

/** The authorization request, and what comes of it where the way back ends in this process. */
export async function startAuthorization(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  scopes: string[] | undefined,
  prompts = true,
): Promise<{ url: URL; finished: Promise<TokenRecord> | undefined; open: () => Promise<void> }> {
  const { redirect } = context.options
  const request = requestOf(server, found, scopes)
  if (redirect === undefined)
    throw new OAuthError(
      'authorization_required',
      'The server wants a token, and the client has neither "redirect" nor "grant"',
    )
  // Refused before anything is registered.
  authorizationEndpoint(context, server, found)
  const segment = await issuerSegment(context, server, found)
  if (typeof redirect === 'string') {
    const uri = withSegment(redirect, segment)
    if (segment === undefined) requireOwnEndpoints(context, server, found)
    const identity = await identify(context, server, found, uri, scopes)
    const { url } = await beginAuthorization(context, server, found, identity, uri, scopes, prompts)
    return { url, finished: undefined, open: async () => undefined }
  }
  const registration = await read<RegistrationRecord>(context.storage, await keys.registration(found.issuer))
  const wayBack = await openWayBack(context, redirect, registration?.redirectUri, segment)
  try {
    // Redirects of other makers may know one URI only.
    if (segment === undefined || !new URL(wayBack.uri).pathname.endsWith(`/${segment}`))
      requireOwnEndpoints(context, server, found)
    const identity = await identify(context, server, found, wayBack.uri, scopes)
    const begin = (prompts: boolean): ReturnType<typeof beginAuthorization> =>
      beginAuthorization(context, server, found, identity, wayBack.uri, scopes, prompts)
    const { url, state } = await begin(true)
    const finished = wayBack.finished(state, () => begin(false))
    return { url, finished, open: () => wayBack.show(url, request) }
  } catch (error) {
    await wayBack.close()
    throw error
  }
}
