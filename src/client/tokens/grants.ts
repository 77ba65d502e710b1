import { serverError } from '../../http/answers.ts'
import { clientAuth } from '../../http/client-auth.ts'
import { postTokenRequest, readTokenAnswer } from '../../http/token-endpoint.ts'
import { defined } from '../../lib/defined.ts'
import { clientSecret as secretRow, func, readOptions, text } from '../../lib/options.ts'
import type { Awaitable } from '../../types.ts'
import { serverNotAllowed } from '../discovery/preregistered.ts'
import { webUrl } from '../options.ts'
import type { UnattendedGrant, GrantRequest } from '../types.ts'

/**
 * The client acts for itself (RFC 6749 §4.4; MCP extension OAuth Client Credentials). The client is an entry
 * in `clients`, with a `clientSecret` or a `privateKey`.
 *
 * @see [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)
 */
export const clientCredentials = (): UnattendedGrant => (request) =>
  request.requestTokens('client_credentials', request.parameters)

/**
 * The workload's own JWT is the authorization grant (RFC 7523 §2.1; SEP-1933). A refusal is final: it is
 * neither retried nor followed by another grant type. An issuer that stands neither in `clients` nor in
 * `providers` is refused with `server_not_allowed`.
 *
 * @param options.assertion Returns the workload's JWT for this issuer; called for each token request.
 *   Required.
 * @see [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)
 */
export function workloadIdentity(options: {
  assertion: (issuer: string) => Awaitable<string>
}): UnattendedGrant {
  const { assertion } = readOptions('workloadIdentity', options, { assertion: func().required })
  return async ({ server, issuer, issuerIsConfigured, parameters, requestTokens }) => {
    // Confused deputy: a platform's JWT is often valid at one issuer, whichever client presents it. A hostile
    // issuer
    // must not get it.
    if (!issuerIsConfigured)
      throw serverNotAllowed(
        server,
        issuer,
        'it stands neither in "clients" nor in "providers"; if you trust it, add it',
      )
    return requestTokens(jwtBearer, { assertion: await assertion(issuer), ...parameters })
  }
}

/** Options of {@link enterpriseManaged}. */
export interface EnterpriseOptions {
  /** The token endpoint of the organisation's identity provider: https, or http on loopback. Required. */
  tokenEndpoint: string
  /** This client at the identity provider. Required. */
  clientId: string
  /** Sent by HTTP Basic. Default: none, for a public client. */
  clientSecret?: string
  /**
   * Returns the ID token of the user who signed in to this client; called for each token request. Required.
   */
  idToken: () => Awaitable<string>
}

/**
 * The organisation's identity provider decides (MCP extension Enterprise-Managed Authorization): the ID token
 * is exchanged for an identity assertion for the server's authorization server (RFC 8693), and that one for
 * the access token (RFC 7523). There is no consent page. Rejects with `invalid_response` if the provider
 * issues something else than an identity assertion.
 */
export function enterpriseManaged(options: EnterpriseOptions): UnattendedGrant {
  const provider = readOptions('enterpriseManaged', options, {
    tokenEndpoint: webUrl().required,
    clientId: text().required,
    clientSecret: secretRow(),
    idToken: func().required,
  })
  return async (request) => {
    const assertion = await requestAssertion(defined(provider), request)
    return request.requestTokens(jwtBearer, { assertion, scope: request.parameters['scope'] })
  }
}

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const tokenType = 'urn:ietf:params:oauth:token-type'

/** Token exchange (RFC 8693) for an ID-JAG. */
async function requestAssertion(
  { tokenEndpoint, clientId, clientSecret, idToken }: EnterpriseOptions,
  { issuer, resource, parameters: { scope }, fetch, clock }: GrantRequest,
): Promise<string> {
  const provider = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint }
  const auth = clientAuth(defined({ clientSecret }), provider, clock)
  const response = await postTokenRequest(
    provider,
    { clientId, auth },
    'urn:ietf:params:oauth:grant-type:token-exchange',
    {
      requested_token_type: `${tokenType}:id-jag`,
      audience: issuer,
      resource,
      scope,
      subject_token: await idToken(),
      subject_token_type: `${tokenType}:id_token`,
    },
    fetch,
  )
  // RFC 8693 §2.2.1: the result is not an access token, so its type is N_A.
  const { accessToken, issuedTokenType } = await readTokenAnswer(response, ['n_a'])
  if (issuedTokenType !== `${tokenType}:id-jag`)
    throw serverError(
      'invalid_response',
      'The identity provider issued something else than an identity assertion',
    )
  return accessToken
}
