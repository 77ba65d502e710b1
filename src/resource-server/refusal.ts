import type { OAuthError } from '../errors.ts'
import { applyCors } from '../http/cors.ts'
import { noStore, oauthError } from '../http/responses.ts'
import { bearerChallenge } from '../protocol/challenge.ts'
import type { ProtectedResource } from './protected-resource.ts'
import type { Plan, Requirement } from './requirement.ts'

/** 401 where no token came: no `error`, because nothing was wrong (RFC 6750 §3.1), and no body. */
export function missingTokenHeaders(place: ProtectedResource, scopes: readonly string[]): Headers {
  const { metadataUrl } = place.resource
  return new Headers({
    ...noStore,
    'www-authenticate': bearerChallenge({ scope: scopes, resourceMetadata: metadataUrl }),
  })
}

/**
 * The answer to a request that is not let through. 400, 401 and 403 carry the one Bearer challenge (RFC 6750 §3, RFC 9728 §5.1, MCP Runtime Insufficient
 * Scope Errors) with all scopes that the request needs; 503 says nothing about the token.
 */
export function refusal(
  request: Request,
  place: ProtectedResource,
  error: OAuthError,
  { scopes, first }: Pick<Plan, 'scopes' | 'first'>,
  requirement: Requirement,
): Response {
  const headers: Record<string, string> = {}
  if (error.status === 400 || error.status === 401 || error.status === 403) {
    headers['www-authenticate'] = bearerChallenge({
      error: error.code,
      // 401 leads to a new authorization, which must not get less than the one before.
      scope: error.status === 401 ? first : scopes,
      resourceMetadata: place.resource.metadataUrl,
      description: error.message,
      ...(error.code === 'insufficient_user_authentication' ? { extra: stepUp(requirement) } : {}),
    })
  }
  return applyCors(request, oauthError(error, headers), place.cors)
}

/** RFC 9470 §3. */
const stepUp = ({ acrValues, maxAge }: Requirement): Record<string, string> => ({
  ...(acrValues === undefined ? {} : { acr_values: acrValues.join(' ') }),
  ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
})
