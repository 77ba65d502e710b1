import { defined } from '../../lib/defined.ts'
import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi'
import { checkUrl } from '../../http/guarded-fetch.ts'
import { randomToken } from '../../lib/random.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { Connection } from '../connection.ts'
import { serverError } from '../../http/answers.ts'
import type { ClientIdentity } from '../identity/identity.ts'
import { flowRecord, saveRecord, type FlowRecord } from '../records.ts'
import { targetParameters } from '../tokens/target.ts'
import { recordKeys } from '../record-keys.ts'

/** An authorization request, and its `state`. */
export interface BegunAuthorization {
  url: URL
  state: string
}

/**
 * Makes an authorization request (OAuth 2.1 §4.1.1) and stores what its answer is checked against: the
 * verifier and the server are bound to `state`.
 */
export async function beginAuthorization(
  connection: Connection,
  identity: ClientIdentity,
  redirectUri: string,
  scopes: string[] | undefined,
  prompts: boolean,
): Promise<BegunAuthorization> {
  const { context, server, found } = connection
  const { subject, authorizationTimeout } = context.options
  const url = authorizationEndpoint(connection)
  const quirks = context.quirksOf(found.issuer)
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
    ...targetParameters(connection),
    scope: scopes && formatScope(scopes),
    // OpenID Connect Core §11: without consent the server may ignore offline_access.
    ...(prompted ? { prompt: 'consent' } : {}),
  }
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  const expiresAt = context.runtime.clock() + authorizationTimeout
  const flow: FlowRecord = defined({
    server,
    found,
    subject,
    clientId: identity.clientId,
    redirectUri,
    verifier,
    scopes,
    prompted: prompted || undefined,
    expiresAt,
  })
  await saveRecord(context, flowRecord, await recordKeys.flow(state), flow, { expiresAt, owner: subject })
  return { url, state }
}

/**
 * The authorization endpoint, checked before anything is registered or shown. PKCE downgrade: the server must
 * offer S256 (MCP, Authorization Code Protection). Its page is on the web: a URL that a browser would hand to
 * another program (`file:`, `ms-settings:`) is refused.
 */
export function authorizationEndpoint({ found: { metadata }, outgoing }: Connection): URL {
  const {
    authorization_endpoint: endpoint,
    token_endpoint: tokenEndpoint,
    code_challenge_methods_supported: methods = [],
  } = metadata
  if (endpoint === undefined || tokenEndpoint === undefined)
    throw serverError('invalid_response', 'The authorization server has no authorization or token endpoint')
  if (!methods.includes('S256'))
    throw serverError('pkce_unsupported', 'The authorization server does not offer PKCE with S256')
  checkUrl(tokenEndpoint, outgoing)
  return checkUrl(endpoint, outgoing)
}
