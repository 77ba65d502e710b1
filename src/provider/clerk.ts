import { flag, readOptions } from '../lib/options.ts'
import type { AudienceRule, Provider } from '../types.ts'
import { commonOptions, host, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link clerk}. */
export interface ClerkOptions extends Omit<CommonOptions, 'clientId'> {
  /** The Frontend API's host, for example `example.clerk.accounts.dev`. */
  domain: string
  /**
   * The OAuth applications whose tokens are accepted, for applications whose tokens carry no audience. With
   * a `clientSecret`: the one it belongs to. Default: the resource in `aud` decides (RFC 8707).
   */
  clientId?: string | readonly string[]
  /**
   * With a `clientId` that is only for introspection: the resource in `aud` decides all the same. Default:
   * true without `clientId`.
   */
  resourceBinding?: boolean
}

/**
 * Clerk. A token is for the resource that the client asked for. Applications that do not ask for one get
 * tokens without an audience: list them in `clientId`. JWTs by default since 2026-01; opaque tokens
 * (`oat_…`) need `introspectionVerifier(clerk({ … }))` and the application's secret. At a sign-in no scope
 * for a refresh token is asked for: its documentation names none.
 *
 * @see [Verify OAuth
 * tokens](https://clerk.com/docs/guides/configure/auth-strategies/oauth/verify-oauth-tokens)
 */
export function clerk(options: ClerkOptions): Provider {
  const { domain, clientId, resourceBinding, scopeClaims, ...common } = readOptions('clerk', options, {
    domain: host().required,
    resourceBinding: flag(),
    ...commonOptions(),
    clientId: oneOrMore(),
  })
  const issuer = `https://${domain}`
  const rule: AudienceRule =
    (resourceBinding ?? clientId === undefined)
      ? 'resource'
      : { claim: 'client_id', equals: oneOrMore().required(clientId, 'clientId') }
  const shared = {
    issuer,
    audience: rule,
    scopeClaims: ['scope', 'scp', ...(scopeClaims ?? [])],
    clientIdClaims: ['client_id'],
  }
  return preset(
    {
      provider: 'clerk',
      issuer,
      jwt: { ...shared, jwksUri: `${issuer}/.well-known/jwks.json`, algorithms: ['RS256'], typ: 'at+jwt' },
      opaque: { ...shared, endpoint: `${issuer}/oauth/token_info`, style: 'clerk-token-info' },
      signIn: { name: 'Clerk', protocol: 'oidc', idTokenAlgorithms: ['RS256'] },
    },
    { ...common, clientId: clientId?.[0] },
  )
}
