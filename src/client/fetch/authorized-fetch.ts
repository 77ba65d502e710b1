import { parseChallenges, type Challenge } from '../../protocol/challenge.ts'
import { acquireTokens } from '../interactive/acquire.ts'
import type { ClientContext } from '../context.ts'
import { discover } from '../discovery/discovery.ts'
import { noteTokens } from '../tokens/held-tokens.ts'
import { withoutQuery } from '../outgoing.ts'
import { keys, read, save, type ServerRecord, type TokenRecord } from '../storage/records.ts'
import { currentTokens, storedTokens, type StoredTokens } from '../tokens/renew.ts'
import { abortable, replayable, send, type ReplayableRequest } from './request.ts'
import { legal, selectScopes } from '../scopes.ts'
import { tokenKey } from '../tokens/token-key.ts'

/**
 * `fetch` with a token: 401 is answered by renewing, then by a new authorization; 403 `insufficient_scope` by asking for more. Every
 * way ends after a bounded number of tries with the server's own answer.
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
  let { tokens, failure } = await storedTokens(context, request.url)
  let authorized = false
  let refusals = 0
  let stepUps = 0
  for (;;) {
    const response = await send(context, request, tokens)
    const challenge = challengeOf(response)
    if (response.status === 401 && !authorized) {
      if (tokens !== undefined) refusals++
      const renewed = await recover(
        context,
        request.url,
        { tokens, ...(failure && { failure }) },
        challenge,
        refusals < 2,
      )
      failure = undefined
      authorized = renewed.authorized
      tokens = renewed.tokens
    } else if (response.status === 403 && challenge?.parameters['error'] === 'insufficient_scope') {
      const more =
        stepUps++ < context.options.maxStepUps
          ? await stepUp(context, request.url, tokens, challenge)
          : undefined
      if (more === undefined) return response
      tokens = more
    } else return response
    await response.body?.cancel()
  }
}

/** A server's challenge to us. */
export interface OwnChallenge extends Challenge {
  /** DPoP is the only scheme that is offered: no bearer token is taken (RFC 9449 §7.1). */
  dpopOnly: boolean
}

/** The Bearer or DPoP challenge, wherever it stands in the header. */
export function challengeOf(response: Response): OwnChallenge | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined
  const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '')
  const ours = challenges.filter(({ scheme }) => /^(bearer|dpop)$/i.test(scheme))
  const best = ours.find(({ parameters }) => parameters['resource_metadata'] !== undefined) ?? ours[0]
  return best && { ...best, dpopOnly: ours.every(({ scheme }) => /^dpop$/i.test(scheme)) }
}

/** A challenge with DPoP alone demands it, whatever the metadata say. */
export const demand = (found: ServerRecord, challenge: OwnChallenge | undefined): ServerRecord =>
  challenge?.dpopOnly ? { ...found, dpopRequired: true } : found

/** After 401. Discovery comes first: the server may have moved to another issuer, where the old tokens must not go. */
async function recover(
  context: ClientContext,
  url: string,
  { tokens: rejected, failure }: StoredTokens,
  challenge: OwnChallenge | undefined,
  renewing: boolean,
): Promise<{ tokens: TokenRecord; authorized: boolean }> {
  const found = await rediscover(context, url, challenge)
  // Asked a moment ago, in vain.
  if (failure !== undefined && failure.endpoint === found.metadata.token_endpoint) throw failure.error
  const at = await tokenKey(context, url, found)
  // Another caller, or another path of the same server, may have got tokens meanwhile.
  const tokens = renewing ? await currentTokens(context, url, found, at, rejected?.accessToken) : undefined
  if (tokens !== undefined) {
    await noteTokens(context, url, found, at)
    return { tokens, authorized: false }
  }
  const before = rejected?.issuer === found.issuer ? (rejected.asked ?? rejected.granted) : undefined
  const scopes = selectScopes(found, challenge?.parameters['scope'], context.options.scopes, before)
  return {
    tokens: await acquireTokens(context, url, found, scopes, rejected?.accessToken),
    authorized: true,
  }
}

/** After 403. Undefined: asking again would bring nothing new. */
async function stepUp(
  context: ClientContext,
  url: string,
  tokens: TokenRecord | undefined,
  challenge: OwnChallenge,
): Promise<TokenRecord | undefined> {
  const needed = legal(challenge.parameters['scope'] ?? '')
  const before = [...(tokens?.asked ?? []), ...(tokens?.granted ?? [])]
  // A refresh cannot widen a grant (RFC 6749 §6), and whoever was asked for all of this has decided.
  if (tokens === undefined || needed.every((scope) => before.includes(scope))) return undefined
  const { grant, scopes: configured } = context.options
  const beyond = grant && configured ? needed.filter((scope) => !configured.includes(scope)) : []
  if (beyond.length > 0) {
    context.runtime.event({
      type: 'client.step-up-refused',
      level: 'warning',
      issuer: tokens.issuer,
      resource: withoutQuery(url),
      missingScopes: beyond,
      detail: 'a grant without a person never asks for more than the configured scopes',
    })
    return undefined
  }
  const found = await rediscover(context, url, challenge)
  const latest = await currentTokens(context, url, found, await tokenKey(context, url, found))
  const wider = [...(latest?.asked ?? []), ...(latest?.granted ?? [])]
  if (latest !== undefined && needed.every((scope) => wider.includes(scope))) return latest
  return acquireTokens(
    context,
    url,
    found,
    selectScopes(found, needed.join(' '), undefined, [...before, ...wider]),
    tokens.accessToken,
  )
}

/** Once for parallel callers. */
function rediscover(
  context: ClientContext,
  url: string,
  challenge: OwnChallenge | undefined,
): Promise<ServerRecord> {
  const announced = challenge?.parameters['resource_metadata']
  return context.discoveries.run(`${url} ${announced} ${challenge?.dpopOnly}`, async () => {
    const at = await keys.server(url)
    const known = await read<ServerRecord>(context.storage, at)
    const found = demand(await discover(context, url, announced, known?.issuer), challenge)
    if (known !== undefined && known.issuer !== found.issuer)
      context.runtime.event({
        type: 'client.issuer-changed',
        level: 'alert',
        issuer: found.issuer,
        resource: withoutQuery(url),
      })
    await save(context.storage, at, found)
    return found
  })
}
