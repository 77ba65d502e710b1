import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { checkOptions, requireSeconds, requireString } from '../../lib/options.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { AuthorizationServer, AudienceRule, TokenVerifier, UnverifiedJws } from '../../types.ts'
import { readClientId, readScopes } from './claims.ts'
import { checkClaims, checkHeader, type JwtPolicy } from './jwt-policy.ts'
import { isSignedBy } from './signature.ts'

/** Options of {@link sharedSecretVerifier}. */
export interface SharedSecretOptions {
  /** Compared exactly, as a raw string. */
  issuer: string
  /** ≥ 32 bytes for HS256, 48 for HS384, 64 for HS512 (RFC 7518 §3.2); a list while the secret changes. */
  secret: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Default: `HS256`. The one that is accepted, whatever the token's header says. */
  algorithm?: 'HS256' | 'HS384' | 'HS512'
  /** Default: the resource itself. */
  audience?: AudienceRule
  /** `'at+jwt'`: RFC 9068 alone (default). `'jwt'`: also `typ: JWT` or none, while whatever looks like an ID token is refused. */
  typ?: 'at+jwt' | 'jwt'
  /** Dotted paths of claims that list scopes. Default: `['scope', 'scp']`. */
  scopeClaims?: readonly string[]
  /** For `exp`, `nbf` and `iat`, in seconds, 0–60. Default 5. */
  clockSkew?: number
}

/**
 * Judges JWTs that are signed with a secret shared with their issuer: for a token service of one's own. Whoever can verify can also sign, so
 * prefer keys, and never give an issuer both: this verifier takes no key set, and `jwtVerifier` takes no secret.
 *
 * @throws ConfigurationError where the secret is too short or an option is unknown.
 * @see [RFC 8725 §3.5](https://www.rfc-editor.org/rfc/rfc8725#section-3.5)
 */
export function sharedSecretVerifier(options: SharedSecretOptions): AuthorizationServer {
  checkOptions('sharedSecretVerifier', options, [
    'issuer',
    'secret',
    'algorithm',
    'audience',
    'typ',
    'scopeClaims',
    'clockSkew',
  ])
  const { algorithm = 'HS256', typ = 'at+jwt', audience = 'resource', scopeClaims } = options
  const issuer = requireString('issuer', options.issuer)
  if (!Object.hasOwn(shortest, algorithm))
    throw new ConfigurationError('algorithm', `must be one of ${Object.keys(shortest).join(', ')}`)
  if (typ !== 'at+jwt' && typ !== 'jwt') throw new ConfigurationError('typ', "must be 'at+jwt' or 'jwt'")
  const secrets = secretsOf(options.secret, shortest[algorithm])
  const policy: Omit<JwtPolicy, 'resource'> = {
    issuers: [issuer],
    algorithms: [algorithm],
    audience,
    strictAudience: false,
    types: ['at+jwt'],
    untyped: typ === 'jwt',
    requiredClaims: [],
    anyOfClaims: [],
    clockSkew: requireSeconds('clockSkew', options.clockSkew, { min: 0, max: 60, default: 5 }),
  }
  return {
    issuer,
    signing: 'secret',
    verifier(resource, runtime): TokenVerifier {
      const { clock } = resolveRuntime(runtime)
      return {
        accepts(token, parsed) {
          const jws = parseJws(token, parsed)
          return jws?.header['alg'] === algorithm && jws.payload['iss'] === issuer
        },
        async verify(token, parsed) {
          const jws = parseJws(token, parsed)
          if (jws === undefined) throw new InvalidTokenError('The access token is not a signed JWT')
          const { header, payload: claims } = jws
          checkHeader(header, { ...policy, resource })
          const expiresAt = checkClaims(claims, { ...policy, resource }, clock())
          if (!(await isSignedByOneOf(jws, algorithm, secrets)))
            throw new InvalidTokenError('The signature of the access token does not verify')
          return {
            issuer,
            subject: claims['sub'] as string | undefined,
            clientId: readClientId(claims) ?? '',
            scopes: readScopes(claims, scopeClaims),
            expiresAt,
            claims,
          }
        },
      }
    },
  }
}

/** In bytes: as long as the hash (RFC 7518 §3.2). */
const shortest = { HS256: 32, HS384: 48, HS512: 64 }

function secretsOf(secret: SharedSecretOptions['secret'], bytes: number): Uint8Array[] {
  const list = Array.isArray(secret) ? (secret as (string | Uint8Array)[]) : [secret as string | Uint8Array]
  const secrets = list.map((each) => (typeof each === 'string' ? utf8(each) : each))
  if (secrets.length === 0 || !secrets.every((each) => each instanceof Uint8Array && each.length >= bytes))
    throw new ConfigurationError('secret', `must have at least ${bytes} bytes: openssl rand -base64 ${bytes}`)
  return secrets
}

async function isSignedByOneOf(
  jws: UnverifiedJws,
  algorithm: string,
  secrets: readonly Uint8Array[],
): Promise<boolean> {
  for (const secret of secrets) if (await isSignedBy(jws, secret, algorithm)) return true
  return false
}
