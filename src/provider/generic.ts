import { defined } from '../lib/defined.ts'
import { oneOf, readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, base, commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link generic}. */
export interface GenericOptions extends CommonOptions {
  /** Exactly as the provider's metadata and tokens write it, with or without the trailing slash. */
  issuer: string
  /** Default: the resource itself (RFC 8707). */
  audience?: string | readonly string[]
  /**
   * `'at+jwt'`: only RFC 9068 (default). `'jwt'`: also tokens typed `JWT` or not at all; with an
   * `audience`, they must state a scope or a client.
   */
  typ?: 'at+jwt' | 'jwt'
  /** Where opaque tokens are judged (RFC 7662); for `introspectionVerifier`. */
  introspectionEndpoint?: string
}

/** Any authorization server that follows the standards: RFC 8414, RFC 9068, RFC 8707, RFC 7662. */
export function generic(options: GenericOptions): Provider {
  const { issuer, audience, typ, introspectionEndpoint, scopeClaims, ...common } = readOptions(
    'generic',
    options,
    {
      issuer: base(true).required,
      audience: oneOrMore(),
      typ: oneOf(['at+jwt', 'jwt']),
      introspectionEndpoint: base(true),
      ...commonOptions(),
    },
  )
  const shared = {
    issuer,
    audience: audienceRule(audience),
    ...defined({ scopeClaims: scopeClaims?.length ? ['scope', 'scp', ...scopeClaims] : undefined }),
  }
  return preset(
    {
      provider: 'generic',
      issuer,
      jwt: {
        ...shared,
        ...defined({
          typ,
          // An ID token has the client's id as its audience, and none of these claims.
          anyOfClaims:
            typ === 'jwt' && audience !== undefined
              ? ['scope', 'scp', 'client_id', 'cid', 'appid', ...(scopeClaims ?? [])]
              : undefined,
        }),
      },
      ...(introspectionEndpoint && { opaque: { ...shared, endpoint: introspectionEndpoint } }),
    },
    common,
  )
}
