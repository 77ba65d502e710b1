import { OAuthError } from '../../errors.ts'
import { applyCors } from '../../http/cors.ts'
import { noStore } from '../../http/cache-control.ts'
import { oauthError } from '../../http/responses.ts'
import { bearerChallenge } from '../../protocol/challenge.ts'
import type { ProtectedResource } from './protected-resource.ts'
import type { Plan, Requirement } from './need.ts'

/** 401 for a request without a token: no `error`, because nothing was wrong (RFC 6750 §3.1), and no body. */
export function missingTokenHeaders(target: ProtectedResource, scopes: readonly string[]): Headers {
  const { metadataUrl } = target.resource
  return new Headers({
    ...noStore,
    'www-authenticate': bearerChallenge({ scope: scopes, resourceMetadata: metadataUrl }),
  })
}

/**
 * The answer to a request that is not admitted. 400, 401 and 403 carry the one Bearer challenge (RFC 6750 §3,
 * RFC 9728 §5.1, MCP Runtime Insufficient Scope Errors) with all scopes that the request needs; 503 says
 * nothing about the token.
 */
export function refusal(
  request: Request,
  target: ProtectedResource,
  error: OAuthError,
  { scopes, first }: Pick<Plan, 'scopes' | 'first'>,
  requirement: Requirement,
): Response {
  const headers: Record<string, string> = {}
  const description = wireText(error, target)
  if (error.status === 400 || error.status === 401 || error.status === 403) {
    headers['www-authenticate'] = bearerChallenge({
      error: error.code,
      // 401 leads to a new authorization, which must not get less than the one before.
      scope: error.status === 401 ? first : scopes,
      resourceMetadata: target.resource.metadataUrl,
      description,
      ...(error.code === 'insufficient_user_authentication' ? { extra: stepUp(requirement) } : {}),
    })
  }
  const { code, status, retryAfter } = error
  const shown = new OAuthError(code, description, {
    status,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
  return applyCors(request, oauthError(shown, headers), target.cors)
}

/**
 * The `error_description`, which any caller can read. The claims of a token, the accepted clients and
 * audiences,
 * and the host that cannot be reached are only in the event; our own resource and issuers are public, because
 * the metadata names them.
 */
function wireText({ status, description, expected }: OAuthError, { resource }: ProtectedResource): string {
  if (status >= 500) return 'The token cannot be judged at the moment'
  const isPublic =
    expected !== undefined &&
    [resource.resource, ...(resource.metadata.authorization_servers ?? [])].includes(expected)
  return isPublic ? `${description}: expected ${expected}` : description
}

/** RFC 9470 §3. */
const stepUp = ({ acrValues, maxAge }: Requirement): Record<string, string> => ({
  ...(acrValues === undefined ? {} : { acr_values: acrValues.join(' ') }),
  ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
})
