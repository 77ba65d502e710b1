import { ConfigurationError } from '../errors.ts'
import type { Provider } from '../types.ts'
import { audience, base, checkPreset, preset, type CommonOptions } from './preset.ts'

/** Options of {@link generic}. */
export interface GenericOptions extends CommonOptions {
  /** Exactly as the provider's metadata and tokens write it, with or without the trailing slash. */
  issuer: string
  /** Default: the resource itself (RFC 8707). */
  audience?: string | readonly string[]
  /** `'at+jwt'`: RFC 9068 alone (default). `'jwt'`: also tokens typed `JWT` or not at all; with an `audience`, they must state a scope or a client. */
  typ?: 'at+jwt' | 'jwt'
  /** Where opaque tokens are judged (RFC 7662); for `introspectionVerifier`. */
  introspectionEndpoint?: string
}

/** Any authorization server that follows the standards: RFC 8414, RFC 9068, RFC 8707, RFC 7662. */
export function generic(options: GenericOptions): Provider {
  checkPreset('generic', options, ['issuer', 'audience', 'typ', 'introspectionEndpoint'])
  const issuer = base('issuer', options.issuer, true)
  const { typ, introspectionEndpoint, scopeClaims = [] } = options
  if (typ !== undefined && typ !== 'at+jwt' && typ !== 'jwt')
    throw new ConfigurationError('typ', "must be 'at+jwt' or 'jwt'")
  const shared = {
    issuer,
    audience: audience(options.audience),
    ...(scopeClaims.length === 0 ? {} : { scopeClaims: ['scope', 'scp', ...scopeClaims] }),
  }
  return preset(
    {
      provider: 'generic',
      issuer,
      jwt: {
        ...shared,
        ...(typ === undefined ? {} : { typ }),
        // An ID token has the client's id as its audience, and none of these claims.
        ...(typ === 'jwt' && options.audience !== undefined
          ? { anyOfClaims: ['scope', 'scp', 'client_id', 'cid', 'appid', ...scopeClaims] }
          : {}),
      },
      ...(introspectionEndpoint === undefined
        ? {}
        : { opaque: { ...shared, endpoint: base('introspectionEndpoint', introspectionEndpoint, true) } }),
    },
    options,
  )
}
