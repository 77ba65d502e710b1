import { isOAuthError, UnavailableError } from '../errors.ts'
import { optionalText, readAnswer } from '../http/answers.ts'
import { createOAuthFetch } from '../http/oauth-fetch.ts'
import { parseTokenAnswer, postTokenRequest, type TokenParameters } from '../http/token-endpoint.ts'
import { defined } from '../lib/defined.ts'
import { isJsonObject, valueAt } from '../lib/json.ts'
import { attribute } from '../lib/runtime.ts'
import type { SignInProfile, UpstreamTokens } from '../types.ts'
import { asServer, authOf, type Remote } from './remote.ts'

/**
 * One request to the provider's token endpoint (OAuth 2.1 §3.2). Rejects with the provider's error code, and
 * with UnavailableError if it is out of reach.
 */
export async function requestTokens(
  remote: Remote,
  grantType: string,
  parameters: TokenParameters,
): Promise<{ tokens: UpstreamTokens; idToken: string | undefined }> {
  const { upstream, runtime, outgoing } = remote
  const { provider, profile, clientId } = upstream
  const metadata = await remote.metadata()
  const sentAt = runtime.clock()
  const auth = authOf(remote, metadata)
  const fetch = createOAuthFetch(outgoing)
  const client = { clientId, auth }
  const response = await postTokenRequest(asServer(metadata), client, grantType, parameters, fetch).catch(
    (error: unknown) => {
      // What the platform threw that makes the assertion, or WebCrypto.
      throw isOAuthError(error)
        ? error
        : attribute(new UnavailableError('The client could not authenticate'), 'clientAssertion', error)
    },
  )
  const body = await readAnswer(response)
  const inner = profile.tokenPath === undefined ? undefined : valueAt(body, profile.tokenPath)
  const holder = isJsonObject(inner) ? inner : body
  const answer = parseTokenAnswer(holder, ['bearer'], provider.client?.tokenTypes)
  const { accessToken, refreshToken, scope } = answer
  const lifetime = answer.expiresIn ?? (isAbsent(holder['expires_in']) ? undefined : shortLifetime)
  return {
    tokens: {
      accessToken,
      issuer: provider.issuer,
      provider: upstream.toolName,
      ...defined({
        expiresAt: lifetime === undefined ? undefined : sentAt + lifetime,
        refreshToken,
        scopes: scope === undefined ? undefined : readScopes(scope, profile),
      }),
    },
    idToken: optionalText(body['id_token']) ?? optionalText(holder['id_token']),
  }
}

/**
 * Seconds that a token lasts whose `expires_in` is no positive number. For ever would unbind the grant from
 * the provider; a renewal tells more.
 */
const shortLifetime = 60

const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === ''

/** Under the names that were asked for. */
function readScopes(scope: string, { scopeSeparator, scopeAliases = {} }: SignInProfile): string[] {
  const asked = new Map(Object.entries(scopeAliases).map(([name, answered]) => [answered, name]))
  const answered = scope.split(scopeSeparator === ',' ? /[, ]+/ : ' ').filter(Boolean)
  return answered.map((each) => asked.get(each) ?? each)
}
