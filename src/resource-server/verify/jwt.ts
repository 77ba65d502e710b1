import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { checkOptions, requireSeconds, requireString, requireStrings } from '../../lib/options.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { parseJws, signatureAlgorithms } from '../../protocol/jws.ts'
import type {
  AuthorizationServer,
  AudienceRule,
  Clock,
  JwtProfile,
  TokenVerifier,
  UnverifiedJws,
  VerifiedToken,
  VerifierRuntime,
} from '../../types.ts'
import { readClientId, readScopes } from './claims.ts'
import { readKeySet, type VerificationKey } from './jwk.ts'
import { localKeySet, RemoteKeySet, type KeySet } from './key-set.ts'
import { checkClaims, checkHeader, isIssuer, type JwtPolicy } from './jwt-policy.ts'
import { isSignedBy } from './signature.ts'

/** Options of {@link jwtVerifier}: the issuer's profile and the deployment's own. */
export interface JwtVerifierOptions extends JwtProfile {
  /** The issuer's key set (RFC 7517), where it shall not be fetched. Default: `jwksUri`, or what the issuer's metadata says. */
  readonly keys?: { readonly keys: readonly object[] }
  /** For `exp`, `nbf` and `iat`, in seconds, 0–60. Default 5. */
  readonly clockSkew?: number
}

/**
 * Judges JWT access tokens by their issuer's keys.
 *
 * Refused as `invalid_token`: whatever is not signed by one of the issuer's keys with an allowed algorithm, for this resource and this moment.
 * The key set out of reach is `temporarily_unavailable` (503): it says nothing about the token.
 *
 * @throws ConfigurationError where an option is wrong or unknown.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4), [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725)
 */
export function jwtVerifier(options: JwtVerifierOptions): AuthorizationServer {
  const profile = resolve(options)
  const local = options.keys && localKeySet(usableKeys(options.keys))
  // One key set for all resources of a resource server.
  const sets = new WeakMap<VerifierRuntime, KeySet>()
  return {
    issuer: options.issuer,
    signing: 'keys',
    verifier(resource, runtime) {
      const keys = local ?? sets.get(runtime) ?? new RemoteKeySet(options.issuer, options.jwksUri, runtime)
      sets.set(runtime, keys)
      return new JwtVerifier({ ...profile, resource }, keys, resolveRuntime(runtime).clock, options)
    },
  }
}

class JwtVerifier implements TokenVerifier {
  readonly #policy: JwtPolicy
  readonly #keys: KeySet
  readonly #clock: Clock
  readonly #profile: JwtProfile

  constructor(policy: JwtPolicy, keys: KeySet, clock: Clock, profile: JwtProfile) {
    this.#policy = policy
    this.#keys = keys
    this.#clock = clock
    this.#profile = profile
  }

  /** A JWT that says it is this issuer's. */
  accepts(token: string, parsed?: UnverifiedJws): boolean {
    return isIssuer(parseJws(token, parsed)?.payload['iss'], this.#policy.issuers)
  }

  /** What a stranger can write for nothing is judged first; the signature is what costs (performance, RFC 8725 §3.3). */
  async verify(token: string, parsed?: UnverifiedJws): Promise<VerifiedToken> {
    const jws = parseJws(token, parsed)
    if (jws === undefined) throw notSigned(token)
    const { header, payload: claims } = jws
    const { alg, kid } = checkHeader(header, this.#policy)
    const expiresAt = checkClaims(claims, this.#policy, this.#clock())
    const keys = await this.#keys.find(kid, alg)
    if (keys.length === 0)
      throw new InvalidTokenError(
        'The key of the token is unknown: the issuer publishes none with its kid and alg',
      )
    const key = await signer(jws, alg, keys)
    if (key === undefined) throw new InvalidTokenError('The signature is not valid')
    const { issuer, clientIdClaims, scopeClaims } = this.#profile
    const clientId = readClientId(claims, clientIdClaims)
    // Where a provider is known to name the client, a token that does not is another kind of token: Entra's ID tokens look so.
    if (clientId === undefined && clientIdClaims !== undefined)
      throw new InvalidTokenError('This type of token is not an access token')
    const check = this.#keys.check?.bind(this.#keys, key)
    return {
      issuer,
      subject: (claims['sub'] as string | undefined) || undefined,
      clientId: clientId ?? '',
      scopes: readScopes(claims, scopeClaims),
      expiresAt,
      claims,
      cacheUntil: expiresAt + this.#policy.clockSkew,
      ...(check === undefined ? {} : { revalidate: check }),
    }
  }
}

function notSigned(token: string): InvalidTokenError {
  const parts = token.split('.').length
  if (parts === 3)
    return new InvalidTokenError('The token is not a signed JWT: it is malformed, or names a member twice')
  return new InvalidTokenError(
    parts === 5
      ? 'The token is an encrypted JWT (JWE); configure the issuer to send signed ones'
      : 'The token is opaque, not a JWT: for opaque tokens configure introspectionVerifier() of tollgate/introspection',
  )
}

/** The key that signed the token, of those that may have. */
async function signer(
  jws: UnverifiedJws,
  alg: string,
  keys: readonly VerificationKey[],
): Promise<VerificationKey | undefined> {
  for (const key of keys) if (await isSignedBy(jws, key.material, alg)) return key
  return undefined
}

const known: readonly (keyof JwtVerifierOptions)[] = [
  ...(['issuer', 'alsoIssuers', 'jwksUri', 'algorithms', 'audience', 'strictAudience', 'typ'] as const),
  ...(['alsoTypes', 'requiredClaims', 'anyOfClaims', 'scopeClaims', 'clientIdClaims'] as const),
  ...(['keys', 'clockSkew'] as const),
]

/** The profile with its defaults, and without the resource. */
function resolve(options: JwtVerifierOptions): Omit<JwtPolicy, 'resource'> {
  checkOptions('jwtVerifier', options, known)
  const { issuer, jwksUri, typ = 'at+jwt', strictAudience = false, requiredClaims = {} } = options
  checkUrl('issuer', requireString('issuer', issuer))
  if (jwksUri !== undefined) checkUrl('jwksUri', jwksUri)
  if (typ !== 'at+jwt' && typ !== 'jwt') throw new ConfigurationError('typ', "pass 'at+jwt' or 'jwt'")
  if (typeof strictAudience !== 'boolean') throw new ConfigurationError('strictAudience', 'pass a boolean')
  if (options.scopeClaims !== undefined) requireStrings('scopeClaims', options.scopeClaims)
  if (options.clientIdClaims !== undefined) requireStrings('clientIdClaims', options.clientIdClaims)
  const types = requireStrings('alsoTypes', options.alsoTypes ?? [])
  return {
    issuers: [issuer, ...requireStrings('alsoIssuers', options.alsoIssuers ?? [])],
    algorithms: checkAlgorithms(options.algorithms ?? signatureAlgorithms),
    audience: checkAudience(options.audience ?? 'resource'),
    strictAudience,
    types: ['at+jwt', ...types.map((each) => each.toLowerCase().replace(/^application\//, ''))],
    untyped: typ === 'jwt',
    requiredClaims: Object.entries(requiredClaims),
    anyOfClaims: requireStrings('anyOfClaims', options.anyOfClaims ?? []),
    clockSkew: requireSeconds('clockSkew', options.clockSkew, { min: 0, max: 60, default: 5 }),
  }
}

function checkUrl(option: string, value: unknown): void {
  if (typeof value !== 'string' || !URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol))
    throw new ConfigurationError(option, 'pass an absolute URL')
}

function checkAlgorithms(value: readonly string[]): readonly string[] {
  const algorithms = requireStrings('algorithms', value)
  if (algorithms.length === 0 || algorithms.some((each) => !signatureAlgorithms.includes(each)))
    throw new ConfigurationError('algorithms', `choose from ${signatureAlgorithms.join(', ')}`)
  return algorithms
}

function checkAudience(rule: AudienceRule): AudienceRule {
  if (rule === 'resource') return rule
  const values = typeof rule !== 'object' || rule === null ? [] : 'claim' in rule ? rule.equals : rule.aud
  if (requireStrings('audience', values).length === 0)
    throw new ConfigurationError('audience', "pass 'resource', { aud: […] } or { claim, equals: […] }")
  if ('claim' in rule && rule.aud !== undefined) requireStrings('audience.aud', rule.aud)
  return rule
}

function usableKeys(set: { readonly keys: readonly object[] }): VerificationKey[] {
  const keys = readKeySet(set)
  if (keys === undefined || keys.length === 0)
    throw new ConfigurationError('keys', 'pass public keys for asymmetric signatures: { keys: [jwk] }')
  return keys
}
