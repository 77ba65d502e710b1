import type { Provider } from '../types.ts'
import { checkPreset, host, list, preset, type CommonOptions } from './preset.ts'

/** Options of {@link clerk}. */
export interface ClerkOptions extends Omit<CommonOptions, 'clientId'> {
  /** The Frontend API's host, for example `example.clerk.accounts.dev`. */
  domain: string
  /** The OAuth applications whose tokens are accepted. With a `clientSecret`: the one it belongs to. */
  clientId: string | readonly string[]
}

/**
 * Clerk. Its tokens carry no audience, so it is the OAuth application that is checked. JWTs by default since 2026-01;
 * opaque tokens (`oat_…`) need `introspectionVerifier(clerk({ … }))` and the application's secret.
 *
 * @see [Verify OAuth tokens](https://clerk.com/docs/guides/configure/auth-strategies/oauth/verify-oauth-tokens)
 */
export function clerk(options: ClerkOptions): Provider {
  checkPreset('clerk', options, ['domain'])
  const issuer = `https://${host('domain', options.domain)}`
  const clientIds = list('clientId', options.clientId)
  const { clientSecret, scopeClaims = [] } = options
  const shared = {
    issuer,
    audience: { claim: 'client_id', equals: clientIds },
    scopeClaims: ['scope', ...scopeClaims],
    clientIdClaims: ['client_id'],
  }
  return preset(
    {
      provider: 'clerk',
      issuer,
      jwt: { ...shared, jwksUri: `${issuer}/.well-known/jwks.json`, algorithms: ['RS256'], typ: 'at+jwt' },
      opaque: { ...shared, endpoint: `${issuer}/oauth/token_info`, style: 'clerk-token-info' },
      client: { resource: 'omit' },
    },
    clientSecret === undefined ? {} : { clientId: clientIds[0]!, clientSecret },
  )
}
