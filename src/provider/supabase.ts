import { readOptions } from '../lib/options.ts'
import type { AudienceRule, Provider } from '../types.ts'
import { base, commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link supabase}. */
export interface SupabaseOptions extends Omit<CommonOptions, 'clientId'> {
  /** For example `https://abcdefgh.supabase.co`. */
  url: string
  /**
   * The OAuth clients whose tokens are accepted. Default: any client of the project, since all tokens carry
   * the audience `authenticated`. With a `clientSecret`, for sign-in: the one it belongs to.
   */
  clientId?: string | readonly string[]
}

/**
 * Supabase Auth as an OAuth server. Every token of the project, whatever resource it was asked for, has the
 * audience `authenticated`: list the clients if they are known. Session tokens, which name no client, and
 * ID tokens, whose audience is the client, are refused.
 *
 * @see [OAuth 2.1 server](https://supabase.com/docs/guides/auth/oauth-server)
 */
export function supabase(options: SupabaseOptions): Provider {
  const { url, clientId, scopeClaims, ...common } = readOptions('supabase', options, {
    url: base().required,
    ...commonOptions(),
    clientId: oneOrMore(),
  })
  const issuer = `${url}/auth/v1`
  const rule: AudienceRule =
    clientId === undefined
      ? { aud: ['authenticated'] }
      : { claim: 'client_id', equals: clientId, aud: ['authenticated'] }
  return preset(
    {
      provider: 'supabase',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/.well-known/jwks.json`,
        // A project that still signs with HS256 must move to asymmetric keys first.
        algorithms: ['ES256', 'RS256'],
        audience: rule,
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
      // Refresh tokens come without a scope of their own.
      signIn: { name: 'Supabase', protocol: 'oidc', idTokenAlgorithms: ['ES256', 'RS256'] },
    },
    { ...common, clientId: clientId?.[0] },
  )
}
