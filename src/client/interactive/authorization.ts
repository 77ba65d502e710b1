import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi'
import { checkUrl } from '../../http/guarded-fetch.ts'
import { randomToken } from '../../lib/random.ts'
import { canonicalResource } from '../../protocol/resource.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { ClientContext } from '../context.ts'
import { refused } from '../errors.ts'
import type { ClientIdentity } from '../identity/identity.ts'
import { outgoing } from '../outgoing.ts'
import { keys, save, type FlowRecord, type ServerRecord } from '../storage/records.ts'

/**
 * An authorization request (OAuth 2.1 §4.1.1), and the record by which its answer is recognised: the verifier and the server
 * that was meant are bound to `state`.
 */
export async function beginAuthorization(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  identity: ClientIdentity,
  redirectUri: string,
  scopes: string[] | undefined,
  prompts = true,
): Promise<{ url: URL; state: string }> {
  const url = authorizationEndpoint(context, server, found)
  const quirks = context.quirks(found.issuer)
  const prompted = prompts && !quirks.omitPrompt && scopes?.includes('offline_access') === true
  const state = randomToken()
  const verifier = generateRandomCodeVerifier()
  const parameters: Record<string, string | undefined> = {
    ...quirks.authorizationParameters,
    response_type: 'code',
    client_id: identity.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...targetParameters(context, server, found),
    scope: scopes && formatScope(scopes),
    // OpenID Connect Core §11: without consent the server may leave offline_access out.
    ...(prompted ? { prompt: 'consent' } : {}),
  }
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  const flow: FlowRecord = {
    server,
    found,
    subject: context.options.subject,
    clientId: identity.clientId,
    redirectUri,
    verifier,
    ...(scopes === undefined ? {} : { scopes }),
    ...(prompted ? { prompted } : {}),
    expiresAt: context.runtime.clock() + context.options.authorizationTimeout,
  }
  await save(context.storage, await keys.flow(state), flow, { expiresAt: flow.expiresAt })
  return { url, state }
}

/**
 * Before anything is registered or shown: the server offers S256 (MCP, Authorization Code Protection: refuse otherwise), and its
 * page is on the web. What a browser would hand to another program (`file:`, `ms-settings:`) is no authorization endpoint.
 */
export function authorizationEndpoint(
  context: ClientContext,
  server: string,
  { metadata }: ServerRecord,
): URL {
  const {
    authorization_endpoint: endpoint,
    token_endpoint: tokenEndpoint,
    code_challenge_methods_supported: methods = [],
  } = metadata
  if (endpoint === undefined || tokenEndpoint === undefined)
    throw refused('invalid_response', 'The authorization server has no authorization or token endpoint')
  if (!methods.includes('S256'))
    throw refused('pkce_unsupported', 'The authorization server does not offer PKCE with S256')
  const allowed = outgoing(context, server)
  checkUrl(tokenEndpoint, allowed)
  return checkUrl(endpoint, allowed)
}

/** `resource`, byte for byte as the document has it (RFC 8707), or what this provider takes instead. */
export function targetParameters(
  context: ClientContext,
  server: string,
  { issuer, resource }: ServerRecord,
): Record<string, string | undefined> {
  const target = resource ?? canonicalResource(server)
  switch (context.quirks(issuer).resource) {
    case 'omit':
      return {}
    case 'audience':
      return { audience: target }
    default:
      return { resource: target }
  }
}
