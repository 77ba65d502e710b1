import type { ClientContext } from '../context.ts'
import { type TokenRecord } from '../records.ts'
import { includesAll, parseScopes, requestedScopes, selectScopes } from '../scopes.ts'
import { currentTokens } from '../tokens/renew.ts'
import { indexTokens } from '../tokens/token-index.ts'
import { acquireTokens } from './acquire.ts'
import { challengeOf, type OwnChallenge } from './challenge.ts'
import { connectAfter } from './connect.ts'
import { abortable, replayable, send, type ReplayableRequest } from './request.ts'
import { storedTokens, type StoredTokens } from './stored-tokens.ts'
import { withoutQuery } from '../urls.ts'

/**
 * `fetch` with a token: 401 is answered by a renewal, then by a new authorization; 403 `insufficient_scope`
 * by a request for more scopes. The number of tries is bounded; the last one's answer is returned.
 */
export async function authorizedFetch(
  context: ClientContext,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = await replayable(input, init)
  return abortable(sendAuthorized(context, request), request.signal)
}

async function sendAuthorized(context: ClientContext, request: ReplayableRequest): Promise<Response> {
  const { url } = request
  let stored: StoredTokens = await storedTokens(context, url)
  let authorized = false
  let refusals = 0
  let stepUps = 0
  for (;;) {
    const { tokens } = stored
    const response = await send(context, request, tokens)
    const challenge = challengeOf(response)
    if (response.status === 401 && !authorized) {
      if (tokens !== undefined) refusals++
      const recovered = await recover(context, url, stored, challenge, refusals < 2)
      authorized = recovered.authorized
      stored = { tokens: recovered.tokens }
    } else if (response.status === 403 && challenge?.parameters['error'] === 'insufficient_scope') {
      // Step-up bound: a server that is never content must not send the user to the consent page again and
      // again.
      if (stepUps++ >= context.options.maxStepUps) return response
      const wider = await stepUp(context, url, tokens, challenge)
      if (wider === undefined) return response
      stored = { tokens: wider }
    } else return response
    await response.body?.cancel()
  }
}

/**
 * After 401. Discovery comes first: the server may have moved to another issuer, which must not get the old
 * tokens.
 */
async function recover(
  context: ClientContext,
  url: string,
  { tokens: rejected, failure }: StoredTokens,
  challenge: OwnChallenge | undefined,
  mayRenew: boolean,
): Promise<{ tokens: TokenRecord; authorized: boolean }> {
  const connection = await connectAfter(context, url, challenge)
  const { found } = connection
  // The same token endpoint has just failed.
  if (failure !== undefined && failure.endpoint === found.metadata.token_endpoint) throw failure.error
  // Another caller, or another path of the same server, may have got tokens meanwhile.
  const tokens = mayRenew ? await currentTokens(connection, rejected?.accessToken) : undefined
  if (tokens !== undefined) {
    await indexTokens(connection)
    return { tokens, authorized: false }
  }
  const before = rejected?.issuer === found.issuer ? (rejected.asked ?? rejected.granted) : undefined
  const scopes = selectScopes(found, challenge?.parameters['scope'], context.options.scopes, before)
  return { tokens: await acquireTokens(connection, scopes, rejected?.accessToken), authorized: true }
}

/** After 403. Undefined: another request would bring nothing new. */
async function stepUp(
  context: ClientContext,
  url: string,
  tokens: TokenRecord | undefined,
  challenge: OwnChallenge,
): Promise<TokenRecord | undefined> {
  const needed = parseScopes(challenge.parameters['scope'] ?? '')
  const before = requestedScopes(tokens)
  // A refresh cannot widen a grant (RFC 6749 §6), and about these scopes the user has decided already.
  if (tokens === undefined || includesAll(before, needed)) return undefined
  const { grant, scopes: configured } = context.options
  const beyond = grant && configured ? needed.filter((scope) => !configured.includes(scope)) : []
  if (beyond.length > 0) {
    context.runtime.event({
      type: 'client.step-up-refused',
      level: 'warning',
      issuer: tokens.issuer,
      resource: withoutQuery(url),
      missingScopes: beyond,
      detail: 'a grant without a user never requests more than the configured scopes',
    })
    return undefined
  }
  const connection = await connectAfter(context, url, challenge)
  const latest = await currentTokens(connection)
  if (latest !== undefined && includesAll(requestedScopes(latest), needed)) return latest
  const union = [...before, ...requestedScopes(latest)]
  const scopes = selectScopes(connection.found, needed.join(' '), undefined, union)
  return acquireTokens(connection, scopes, tokens.accessToken)
}
