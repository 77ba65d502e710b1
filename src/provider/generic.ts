import { ConfigurationError } from '../errors.ts'
import type { Provider } from '../types.ts'
import { audience, base, checkPreset, preset, type CommonOptions } from './preset.ts'

/** Options of {@link generic}. */
export interface GenericOptions extends CommonOptions {
  /** Exactly as the provider's metadata and tokens write it, with or without the trailing slash. */
  issuer: string
  /** Default: the resource itself (RFC 8707). */
  audience?: string | readonly string[]
  /** Default: from the issuer's metadata. */
  jwksUri?: string
  /** Default: RS256, PS256, ES256, EdDSA and their longer kin. */
  algorithms?: readonly string[]
  /** `'at+jwt'`: RFC 9068 alone (default). `'jwt'`: also tokens typed `JWT` or not at all. */
  typ?: 'at+jwt' | 'jwt'
  /** Where opaque tokens are judged (RFC 7662); for `introspectionVerifier`. */
  introspectionEndpoint?: string
}

/** Any authorization server that follows the standards: RFC 8414, RFC 9068, RFC 8707, RFC 7662. */
export function generic(options: GenericOptions): Provider {
  checkPreset('generic', options, [
    'issuer',
    'audience',
    'jwksUri',
    'algorithms',
    'typ',
    'introspectionEndpoint',
  ])
  const issuer = base('issuer', options.issuer, true)
  const { jwksUri, algorithms, typ, introspectionEndpoint, scopeClaims } = options
  if (typ !== undefined && typ !== 'at+jwt' && typ !== 'jwt')
    throw new ConfigurationError('typ', "must be 'at+jwt' or 'jwt'")
  const shared = {
    issuer,
    audience: audience(options.audience),
    ...(scopeClaims === undefined ? {} : { scopeClaims: ['scope', 'scp', ...scopeClaims] }),
  }
  return preset(
    {
      provider: 'generic',
      issuer,
      jwt: {
        ...shared,
        ...(jwksUri === undefined ? {} : { jwksUri: base('jwksUri', jwksUri, true) }),
        ...(algorithms === undefined ? {} : { algorithms }),
        ...(typ === undefined ? {} : { typ }),
      },
      ...(introspectionEndpoint === undefined
        ? {}
        : { opaque: { ...shared, endpoint: base('introspectionEndpoint', introspectionEndpoint, true) } }),
    },
    options,
  )
}
