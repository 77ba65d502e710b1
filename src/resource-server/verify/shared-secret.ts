import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { oneOf, readOptions, text } from '../../lib/options.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { AuthorizationServer, AudienceRule, TokenVerifier, UnverifiedJws } from '../../types.ts'
import { readClientId, readScopes } from './claims.ts'
import { jwtRows } from './jwt-options.ts'
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
  /**
   * `'at+jwt'`: only RFC 9068 (default). `'jwt'`: also `typ: JWT` or no `typ`; a token that looks like an ID
   * token is refused.
   */
  typ?: 'at+jwt' | 'jwt'
  /** Dotted paths of claims that list scopes. Default: `['scope', 'scp']`. */
  scopeClaims?: readonly string[]
  /** For `exp`, `nbf` and `iat`, in seconds, 0–60. Default 5. */
  clockSkew?: number
}

/**
 * Verifies JWTs that are signed with a secret which their issuer shares with you. A party that can verify can
 * also sign, so prefer keys. One issuer has a secret or keys, never both (algorithm confusion): `jwtVerifier`
 * takes no secret.
 *
 * @throws ConfigurationError if the secret is too short, or another option is wrong or unknown.
 * @see [RFC 8725 §3.5](https://www.rfc-editor.org/rfc/rfc8725#section-3.5)
 */
export function sharedSecretVerifier(options: SharedSecretOptions): AuthorizationServer {
  const resolved = readOptions('sharedSecretVerifier', options, {
    ...jwtRows(),
    issuer: text().required,
    // Its length depends on the algorithm.
    secret: (value: unknown) => value as SharedSecretOptions['secret'],
    algorithm: oneOf(['HS256', 'HS384', 'HS512']).default('HS256'),
  })
  const { issuer, algorithm, audience, scopeClaims, clockSkew } = resolved
  const secrets = readSecrets(resolved.secret, algorithm)
  const policy: Omit<JwtPolicy, 'resource'> = {
    issuers: [issuer],
    algorithms: [algorithm],
    audience,
    strictAudience: false,
    types: ['at+jwt'],
    untyped: resolved.typ === 'jwt',
    requiredClaims: [],
    anyOfClaims: [],
    clockSkew,
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
const minLength = { HS256: 32, HS384: 48, HS512: 64 }

/** The message shows no secret, only its length. */
function readSecrets(value: unknown, algorithm: keyof typeof minLength): Uint8Array[] {
  const length = minLength[algorithm]
  const what = `a random secret of at least ${length} bytes for ${algorithm}, or a list of them`
  const secrets = [value].flat().map((each: unknown) => (typeof each === 'string' ? utf8(each) : each))
  if (secrets.length > 0 && secrets.every((each) => each instanceof Uint8Array && each.length >= length))
    return secrets as Uint8Array[]
  const wrong = secrets.find((each) => !(each instanceof Uint8Array && each.length >= length))
  const got =
    wrong instanceof Uint8Array ? `${wrong.length} bytes` : wrong === undefined ? 'nothing' : typeof wrong
  throw new ConfigurationError(
    'secret',
    `must be ${what}; got ${got}. Make one with: openssl rand -base64 ${length}`,
  )
}

async function isSignedByOneOf(
  jws: UnverifiedJws,
  algorithm: string,
  secrets: readonly Uint8Array[],
): Promise<boolean> {
  for (const secret of secrets) if (await isSignedBy(jws, secret, algorithm)) return true
  return false
}
