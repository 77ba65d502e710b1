import type { OAuthErrorCode } from '../errors.ts'
import type { TollgateEventType } from '../types.ts'
import { createBound } from './bound.ts'

/** Complete by its type. */
const own: Readonly<Record<OAuthErrorCode, true>> = {
  invalid_request: true,
  invalid_token: true,
  insufficient_scope: true,
  insufficient_user_authentication: true,
  temporarily_unavailable: true,
  server_error: true,
  invalid_client: true,
  invalid_client_metadata: true,
  invalid_redirect_uri: true,
  invalid_software_statement: true,
  unauthorized_client: true,
  invalid_grant: true,
  invalid_scope: true,
  invalid_target: true,
  unsupported_grant_type: true,
  unsupported_response_type: true,
  request_not_supported: true,
  request_uri_not_supported: true,
  access_denied: true,
  login_required: true,
  consent_required: true,
  account_not_linked: true,
  authorization_required: true,
  authorization_timeout: true,
  invalid_callback: true,
  invalid_response: true,
  no_metadata: true,
  resource_mismatch: true,
  issuer_mismatch: true,
  server_not_allowed: true,
  shared_redirect: true,
  foreign_endpoint: true,
  pkce_unsupported: true,
  dpop_required: true,
  registration_unavailable: true,
  unknown_server: true,
}

/** Others that the specifications name: RFC 6749, 7009, 7591, 8628, 8707, 9101, 9449, OpenID Connect. */
const standard = [
  'account_selection_required',
  'interaction_required',
  'invalid_dpop_proof',
  'invalid_request_object',
  'invalid_request_uri',
  'registration_not_supported',
  'unapproved_software_statement',
  'unmet_authentication_requirements',
  'unsupported_token_type',
  'use_dpop_nonce',
]

const always: ReadonlySet<string> = new Set([...Object.keys(own), ...standard])

/** Codes of other servers, verifiers and hooks that are told apart for one type of event. */
const places = 20

/**
 * The attribute `error.type`. Metric flooding: another server chooses its codes, so those get places of the
 * type of event that tells them, and none of the others; codes that are known need no place.
 */
export function createErrorTypes(): (type: TollgateEventType, error: string) => string {
  const bounds = new Map<TollgateEventType, (error: string) => string>()
  return (type, error) => {
    let bound = bounds.get(type)
    if (bound === undefined) bounds.set(type, (bound = createBound(places, always)))
    return bound(error)
  }
}
