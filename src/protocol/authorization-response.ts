import type { AuthorizationServerMetadata } from './metadata.ts'

/**
 * Mix-up (RFC 9207 §2.4): `iss` is the server that was asked, compared exactly, for codes and for errors. It
 * must be there if the server's metadata say so. What is wrong, or undefined.
 */
export function issuerProblem(
  parameters: URLSearchParams,
  { issuer, authorization_response_iss_parameter_supported: required = false }: AuthorizationServerMetadata,
): string | undefined {
  const values = parameters.getAll('iss')
  if (values.length > 1) return 'The answer has several "iss" parameters'
  const [iss] = values
  if (iss === undefined ? !required : iss === issuer) return undefined
  return (
    'The answer does not come from the authorization server that was asked: ' +
    `"iss" must be ${JSON.stringify(issuer)}; got ${iss === undefined ? 'nothing' : JSON.stringify(iss)}`
  )
}

/**
 * Error codes of an authorization response that our requests can get: RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID
 * Connect Core §3.1.2.6; then of servers that do not know the client, and of GitHub.
 */
const codes: readonly string[] = [
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'invalid_target',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
  'invalid_client',
  'redirect_uri_mismatch',
]

/**
 * The `error` of an authorization response as it may be told; one that is not known is
 * `invalid_response`. Metric flooding: every user can write this answer in the own browser.
 */
export const authorizationErrorCode = (error: string): string =>
  codes.includes(error) ? error : 'invalid_response'
