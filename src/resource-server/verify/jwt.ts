import { InvalidTokenError } from '../../errors.ts'
import { filledList, flag, matching, readOptions, record, strings, text, url } from '../../lib/options.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { parseJws, signatureAlgorithms } from '../../protocol/jws.ts'
import type {
  AuthorizationServer,
  Awaitable,
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
import { jwtRows } from './jwt-options.ts'
import { checkClaims, checkHeader, isIssuer, type JwtPolicy } from './jwt-policy.ts'
import { isSignedBy } from './signature.ts'

/** Options of {@link jwtVerifier}: the issuer's profile and the deployment's own. */
export interface JwtVerifierOptions extends JwtProfile {
  /**
   * The issuer's key set (RFC 7517); then it is not fetched. Default: `jwksUri`, or what the issuer's
   * metadata says.
   */
  readonly keys?: { readonly keys: readonly object[] }
  /** For `exp`, `nbf` and `iat`, in seconds, 0–60. Default 5. */
  readonly clockSkew?: number
}

/**
 * Verifies JWT access tokens with their issuer's keys.
 *
 * A token that is not signed by one of the issuer's keys with an allowed algorithm, for this resource and
 * this moment, is `invalid_token`. A key set out of reach is `temporarily_unavailable` (503): it says nothing
 * about the token.
 *
 * @throws ConfigurationError if an option is wrong or unknown.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)
 * @see [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725)
 */
export function jwtVerifier(options: JwtVerifierOptions): AuthorizationServer {
  const profile = resolve(options)
  const local = options.keys && localKeySet(readKeySet(options.keys)!)
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

  /** Whether it is a JWT whose unverified `iss` is this issuer. */
  accepts(token: string, parsed?: UnverifiedJws): boolean {
    return isIssuer(parseJws(token, parsed)?.payload['iss'], this.#policy.issuers)
  }

  ready(): Awaitable<void> {
    return this.#keys.ready?.()
  }

  /**
   * The cheap checks come first, because a forged token must cost little (denial of service); the signature
   * is what costs.
   */
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
    // If the provider is known to name the client, a token without it is another kind of token: Entra's ID
    // tokens look so.
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

/** The profile with its defaults, and without the resource. */
function resolve(options: JwtVerifierOptions): Omit<JwtPolicy, 'resource'> {
  const httpUrl = url('an absolute URL', ({ protocol }) => /^https?:$/.test(protocol))
  const resolved = readOptions('jwtVerifier', options, {
    ...jwtRows(),
    issuer: httpUrl.required,
    alsoIssuers: strings().default([]),
    jwksUri: httpUrl,
    algorithms: filledList(
      matching<string>(`an asymmetric algorithm: ${signatureAlgorithms.join(', ')}`, (value) =>
        signatureAlgorithms.includes(value as string),
      ),
    ).default(signatureAlgorithms),
    strictAudience: flag().default(false),
    alsoTypes: strings().default([]),
    requiredClaims: record(text().required, "{ token_use: 'access' }").default({}),
    anyOfClaims: strings().default([]),
    clientIdClaims: strings(),
    keys: matching<{ readonly keys: readonly object[] }>(
      'a key set with public keys for asymmetric signatures: { keys: [jwk] }',
      (value) => (readKeySet(value) ?? []).length > 0,
    ),
  })
  const { algorithms, audience, strictAudience, anyOfClaims, clockSkew } = resolved
  return {
    issuers: [resolved.issuer, ...resolved.alsoIssuers],
    algorithms,
    audience,
    strictAudience,
    types: ['at+jwt', ...resolved.alsoTypes.map((each) => each.toLowerCase().replace(/^application\//, ''))],
    untyped: resolved.typ === 'jwt',
    requiredClaims: Object.entries(resolved.requiredClaims),
    anyOfClaims,
    clockSkew,
  }
}
