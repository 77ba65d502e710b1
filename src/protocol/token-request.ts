import { readBasic } from './basic.ts'
import { OAuthError } from '../errors.ts'
import { readAuthorization } from './bearer.ts'
import type { TokenEndpointAuthMethod } from './client-metadata.ts'
import { parseJws } from './jws.ts'

/** How a client presents itself at the token, revocation and introspection endpoints (OAuth 2.1 §2.4). */
export interface ClientCredentials {
  method: TokenEndpointAuthMethod
  /**
   * What was sent, in each way that it can be meant: form-decoded as the RFC says, and raw as the official
   * SDK sends it.
   */
  candidates: readonly { clientId: string; secret?: string }[]
  /** The signed JWT of `private_key_jwt`; nothing of it is verified. */
  assertion?: string
}

/**
 * A client that could not be authenticated (OAuth 2.1 §3.2.4): the same answer for an unknown client and a
 * wrong secret.
 */
export const invalidClient = (): OAuthError =>
  new OAuthError('invalid_client', 'The client could not be authenticated', { status: 401 })

/**
 * Reads the credentials from the header or from the body, never from both and never from the URL. Rejects
 * with `invalid_client` or `invalid_request`.
 */
export function readClientCredentials(
  request: Request,
  form: ReadonlyMap<string, string>,
): ClientCredentials {
  const header = readAuthorization(request.headers)
  const clientId = form.get('client_id')
  const secret = form.get('client_secret')
  if (form.has('client_assertion') || form.has('client_assertion_type')) {
    if (header !== undefined || secret !== undefined)
      throw new OAuthError('invalid_request', 'Authenticate the client in one way')
    return readAssertion(form)
  }
  if (header !== undefined) {
    if (header.scheme !== 'basic') throw invalidClient()
    if (secret !== undefined)
      throw new OAuthError('invalid_request', 'Send the client secret once: in the header or in the body')
    const candidates = readBasic(header.credentials)
    if (candidates === undefined) throw invalidClient()
    const named =
      clientId === undefined ? candidates : candidates.filter((each) => each.clientId === clientId)
    if (named.length === 0)
      throw new OAuthError('invalid_request', 'The header and client_id name different clients')
    // RFC 6749 §2.3.1: an empty secret is the same as none.
    const secretless = named.every((each) => each.secret === '')
    return secretless
      ? { method: 'none', candidates: named.map((each) => ({ clientId: each.clientId })) }
      : { method: 'client_secret_basic', candidates: named }
  }
  if (clientId === undefined) throw invalidClient()
  return secret === undefined
    ? { method: 'none', candidates: [{ clientId }] }
    : { method: 'client_secret_post', candidates: [{ clientId, secret }] }
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 7523 §2.2. `client_id` may be left out (RFC 7521 §4.2); then the assertion's subject is the client. */
function readAssertion(form: ReadonlyMap<string, string>): ClientCredentials {
  const assertion = form.get('client_assertion')
  if (assertion === undefined || form.get('client_assertion_type') !== assertionType) throw invalidClient()
  const clientId = form.get('client_id') ?? parseJws(assertion)?.payload['sub']
  if (typeof clientId !== 'string' || clientId === '') throw invalidClient()
  return { method: 'private_key_jwt', candidates: [{ clientId }], assertion }
}

/**
 * The parameters of a token request, each at most once; an empty one counts as absent (OAuth 2.1 §3.2.2).
 * Rejects with `invalid_request`.
 */
export function singleParameters(form: URLSearchParams): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  const seen = new Set<string>()
  for (const [name, value] of form) {
    if (seen.has(name)) throw new OAuthError('invalid_request', 'A parameter is repeated')
    seen.add(name)
    if (value !== '') parameters.set(name, value)
  }
  return parameters
}
