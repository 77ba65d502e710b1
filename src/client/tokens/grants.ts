import { allowInsecureRequests, customFetch, genericTokenEndpointRequest } from 'oauth4webapi'
import type { Awaitable } from '../../types.ts'
import { refused } from '../errors.ts'
import { requireFunction, requireString } from '../../lib/options.ts'
import { clientAuth } from '../identity/client-auth.ts'
import type { ClientContext } from '../context.ts'
import type { ClientIdentity } from '../identity/identity.ts'
import { requireVouchedFor } from '../discovery/entry.ts'
import { checkUrlOption } from '../options.ts'
import { carrier, outgoing } from '../outgoing.ts'
import { requestTokens } from './token-request.ts'
import { tokenAnswer, type TokenAnswer } from './token-answer.ts'
import type { ServerRecord } from '../storage/records.ts'

/** What a grant without a person is given. */
export interface GrantRequest {
  readonly context: ClientContext
  readonly server: string
  readonly found: ServerRecord
  readonly identity: ClientIdentity
  /** `resource`, or what the provider takes in its place, and `scope`. */
  readonly parameters: Readonly<Record<string, string | undefined>>
}

/** A way to tokens without a person. */
export type Grant = (request: GrantRequest) => Promise<TokenAnswer>

/**
 * The client acts for itself (RFC 6749 §4.4; MCP extension OAuth Client Credentials). The client comes from `clients`, with a
 * secret or a private key.
 */
export const clientCredentials =
  (): Grant =>
  ({ context, server, found, identity, parameters }) =>
    requestTokens(context, server, found, identity, 'client_credentials', parameters)

/**
 * The workload's own JWT is the grant (RFC 7523 §2.1; SEP-1933). A refusal is final: neither retried nor followed by another grant.
 *
 * The issuer stands in `clients` or in `providers`; another one that an MCP server names is refused with `server_not_allowed`.
 *
 * @param options.assertion The workload's JWT for this issuer, fresh at each call.
 */
export function workloadIdentity(options: { assertion: (issuer: string) => Awaitable<string> }): Grant {
  requireFunction('assertion', options.assertion)
  return async ({ context, server, found, identity, parameters }) => {
    // The JWT of a platform is often good at one issuer, whoever asks for it: a hostile one would present it there.
    requireVouchedFor(context, server, found.issuer)
    return requestTokens(context, server, found, identity, jwtBearer, {
      assertion: await options.assertion(found.issuer),
      ...parameters,
    })
  }
}

/** Options of {@link enterpriseManaged}. */
export interface EnterpriseOptions {
  /** The token endpoint of the organisation's identity provider. */
  tokenEndpoint: string
  /** This client at the identity provider. */
  clientId: string
  clientSecret?: string
  /** The ID token of the employee who signed in to this client. */
  idToken: () => Awaitable<string>
}

/**
 * The organisation's identity provider decides (MCP extension Enterprise-Managed Authorization): the ID token becomes an
 * identity assertion for the server's authorization server, and that becomes the access token. No consent page.
 */
export function enterpriseManaged(options: EnterpriseOptions): Grant {
  checkUrlOption('tokenEndpoint', options.tokenEndpoint)
  requireString('clientId', options.clientId)
  requireFunction('idToken', options.idToken)
  return async ({ context, server, found, identity, parameters }) => {
    const assertion = await identityAssertion(options, context, server, found, parameters)
    const { scope } = parameters
    return requestTokens(context, server, found, identity, jwtBearer, { assertion, scope })
  }
}

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const tokenType = 'urn:ietf:params:oauth:token-type'

/** RFC 8693 token exchange for an ID-JAG. */
async function identityAssertion(
  { tokenEndpoint, clientId, clientSecret, idToken }: EnterpriseOptions,
  context: ClientContext,
  server: string,
  found: ServerRecord,
  { scope }: GrantRequest['parameters'],
): Promise<string> {
  const provider = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint }
  const client = { client_id: clientId }
  const secret = clientSecret === undefined ? {} : { clientSecret }
  const auth = clientAuth(secret, provider, context.runtime.clock)
  const parameters = {
    requested_token_type: `${tokenType}:id-jag`,
    audience: found.issuer,
    resource: found.resource ?? server,
    ...(scope === undefined ? {} : { scope }),
    subject_token: await idToken(),
    subject_token_type: `${tokenType}:id_token`,
  }
  const response = await genericTokenEndpointRequest(
    provider,
    client,
    auth,
    'urn:ietf:params:oauth:grant-type:token-exchange',
    parameters,
    { [customFetch]: carrier(outgoing(context, server)), [allowInsecureRequests]: true },
  )
  // RFC 8693 §2.2.1: what is issued is no access token, so its type is N_A.
  const { accessToken, issuedTokenType } = await tokenAnswer(response, ['n_a'])
  if (issuedTokenType !== `${tokenType}:id-jag`)
    throw refused(
      'invalid_response',
      'The identity provider issued something else than an identity assertion',
    )
  return accessToken
}
