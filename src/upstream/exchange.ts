import { ConfigurationError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { func, oneOf, readOptions } from '../lib/options.ts'
import type { AuthInfo, Awaitable, ExchangeTarget, Provider, SignInRuntime, UpstreamToken } from '../types.ts'
import { createExchange } from './exchanges.ts'
import type { ExchangeKind } from './exchange-request.ts'
import { privateKey, resolveUpstream } from './options.ts'
import { createRemotes } from './remote.ts'
import type { CryptoKey } from '../lib/web-types.ts'

/** Options of {@link tokenExchange}. */
export interface TokenExchangeOptions {
  /**
   * Authenticates this server by `private_key_jwt`, in place of the preset's `clientSecret`: an asymmetric
   * signing key, with its id if the provider wants one. Default: none.
   */
  privateKey?: CryptoKey | { key: CryptoKey; kid?: string }
  /**
   * Authenticates this server by a JWT that the platform makes, in place of a secret: managed or federated
   * identity. Called for each request, which fails after 10 s without an assertion. Default: none.
   */
  clientAssertion?: () => Awaitable<string>
  /** `'rfc8693'`, or `'entra'` for the on-behalf-of flow of Microsoft Entra ID. Default: the preset's. */
  kind?: ExchangeKind
}

/**
 * Makes `auth.exchange({ resource, scope })` work for tokens of an external authorization server: option
 * `exchange` of `createResourceServer`. This server is a confidential client at the provider. Results are
 * kept in memory until shortly before they expire, and never reach the MCP client.
 *
 * `auth.exchange` rejects with `invalid_grant`, `login_required`, `interaction_required` or
 * `consent_required` if only the user can help, with `temporarily_unavailable` if the provider cannot be
 * asked, and with `server_error` if it refuses this server.
 *
 * @throws ConfigurationError if an option is wrong, or if the provider offers no exchange.
 * @see [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)
 * @see [On-behalf-of flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow)
 *
 * @example
 * const provider = entra({ tenantId, clientId, clientSecret })
 * const rs = createResourceServer({
 *   resource: 'https://notes.example.com/mcp',
 *   authorizationServers: [provider],
 *   exchange: tokenExchange(provider),
 * })
 */
export function tokenExchange(
  provider: Provider,
  options: TokenExchangeOptions = {},
): (auth: AuthInfo, target: ExchangeTarget, runtime: SignInRuntime) => Promise<UpstreamToken> {
  const given = readOptions('tokenExchange', options, {
    privateKey: privateKey(),
    clientAssertion: func(),
    kind: oneOf(['rfc8693', 'entra']),
  })
  const { privateKey: key, clientAssertion } = given
  const upstream = resolveUpstream(provider, {
    admit: () => false,
    ...defined({ privateKey: key, clientAssertion }),
  })
  const kind = given.kind ?? upstream.profile.exchange
  if (kind === undefined)
    throw new ConfigurationError(
      'kind',
      `must say how the provider exchanges tokens, because the preset "${provider.provider}" does not`,
    )
  const { clientSecret, privateKey: signing } = upstream.credentials
  // Otherwise every holder of a token could exchange it.
  if (clientSecret === undefined && signing === undefined && clientAssertion === undefined)
    throw new ConfigurationError(
      'provider.clientSecret',
      'must be there, because only a confidential client may exchange tokens. Pass it to the ' +
        'preset, or a privateKey or a clientAssertion to tokenExchange()',
    )
  const exchange = createExchange(kind, createRemotes(upstream))
  const issuers = [provider.issuer, ...(provider.jwt?.alsoIssuers ?? [])]
  return async (auth, target, runtime) => {
    // No token goes to a third party: an API key, or a token of another issuer.
    if (!issuers.includes(auth.issuer)) throw new Error('There is no token exchange for this issuer')
    return exchange(runtime, auth.token, target)
  }
}
