import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import { randomToken } from '../../lib/random.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { UnverifiedJws } from '../../types.ts'
import { signJwt, verifyJwt } from './jwt.ts'
import type { Context, Resource } from '../context.ts'
import { openForGrant } from '../grant/attachments.ts'
import type { GrantRecord } from '../grants.ts'
import { longestLifetime } from '../resources.ts'
import { sealContext } from '../seal-context.ts'
import { formatJti, namedGrant } from './format.ts'
import { accessTokenExpiry } from './lifetime.ts'
import { isTrusted } from './liveness.ts'

/** The claims of an access token (RFC 9068 §2.2). */
export interface AccessTokenClaims extends Record<string, unknown> {
  iss: string
  sub: string
  aud: string
  client_id: string
  scope: string
  iat: number
  exp: number
  /** `<grant id>.<random>`. */
  jti: string
  auth_time?: number
  acr?: string
  /** Props, sealed. `true`: they are too large for a token and lie in the grant. */
  props?: string | true
  /** What the user chose at consent, by name. */
  choices?: Readonly<Record<string, string>>
  /** The key ring's epoch. Absent in the first one. */
  epoch?: number
}

const codec = sealedCodec(
  'access-token',
  recordCodec<AccessTokenClaims>('access token', {
    iss: 'string',
    sub: 'string',
    aud: 'string',
    client_id: 'string',
    scope: 'string',
    iat: 'number',
    exp: 'number',
    jti: 'string',
    auth_time: 'number?',
    acr: 'string?',
    props: 'any?',
    choices: 'object?',
    epoch: 'number?',
  }),
)

export interface AccessToken {
  claims: AccessTokenClaims
  grantId: string
  /** The key that signed it. Undefined: the token is opaque. */
  kid: string | undefined
}

/** Up to so many bytes of JSON, props are part of the token. */
const maxProps = 1024

/** Issues an access token of this grant for one resource, without a call to the store. */
export async function issueAccessToken(
  context: Context,
  grantId: string,
  grant: GrantRecord,
  resource: Resource,
  scopes: readonly string[],
): Promise<{ token: string; expiresIn: number }> {
  const { issuer, runtime, options } = context
  const iat = Math.floor(runtime.clock())
  const exp = accessTokenExpiry(iat, grant, resource, options.lifetimes)
  const epoch = await context.keys.epoch()
  const claims: AccessTokenClaims = {
    iss: issuer,
    sub: grant.subject,
    aud: resource.resource,
    client_id: grant.client,
    scope: scopes.join(' '),
    iat,
    exp,
    jti: formatJti(grantId, randomToken()),
    ...defined({
      auth_time: grant.authTime && Math.floor(grant.authTime),
      acr: grant.acr,
      props: grant.props && (fitsToken(grant.props) ? grant.props : (true as const)),
      choices: grant.choices,
      epoch: epoch === 0 ? undefined : epoch,
    }),
  }
  const token =
    resource.accessTokens === 'opaque'
      ? await sealToken(context, claims)
      : await signJwt(claims, await context.keys.active())
  return { token, expiresIn: exp - iat }
}

/** Of a sealed value, nonce and tag take 28 bytes, the version 16, base64url a third more. */
const fitsToken = (sealedProps: string): boolean =>
  sealedProps.length <= Math.ceil(((maxProps + 28 + 16) * 4) / 3)

async function sealToken(
  { issuer, sealer, opaquePrefix }: Context,
  claims: AccessTokenClaims,
): Promise<string> {
  return opaquePrefix + (await codec.seal(sealer, sealContext(issuer, 'access-token'), claims))
}

/** The values for the error. */
export interface Mismatch {
  expected?: string
  received?: unknown
}

/** Why a token is not accepted, as the end of a sentence. */
interface Refused {
  problem: string
  values?: Mismatch
}

/**
 * The claims of an access token that this server issued, that has not expired and that no `revokeAll()` has
 * ended; undefined otherwise. Neither the audience nor the grant is judged. Rejects with UnavailableError.
 */
export async function readAccessToken(context: Context, token: string): Promise<AccessToken | undefined> {
  const found = await verifyAccessToken(context, token)
  return 'problem' in found || !(await isTrusted(context, found)) ? undefined : found
}

/**
 * The claims of an access token that this server issued and that has not expired, or the reason why it is
 * refused.
 */
export async function verifyAccessToken(
  context: Context,
  token: string,
  parsed?: UnverifiedJws,
): Promise<AccessToken | Refused> {
  const opaque = token.startsWith(context.opaquePrefix)
  const found = await (opaque ? openToken(context, token) : verifyJwt(parseJws(token, parsed), context.keys))
  const claims = found?.claims as AccessTokenClaims | undefined
  if (claims === undefined) return { problem: 'is malformed, or its signature is not valid' }
  if (claims.iss !== context.issuer)
    return { problem: 'is from another issuer', values: { expected: context.issuer, received: claims.iss } }
  if (!isInTime(claims.exp, context.runtime.clock())) return { problem: 'has expired' }
  // A configured key may also sign JWTs of another program (token confusion).
  const strings = [claims.sub, claims.aud, claims.client_id, claims.scope, claims.jti]
  if (!strings.every((each) => typeof each === 'string')) return notIssuedHere
  const grantId = namedGrant(claims.jti)
  return grantId === undefined ? notIssuedHere : { claims, grantId, kid: found?.kid }
}

const notIssuedHere: Refused = { problem: 'is not an access token of this server' }

/**
 * Not expired, and no later than a token of this server can end, so that a stolen key cannot sign one for
 * years.
 */
const isInTime = (exp: unknown, now: number): boolean =>
  typeof exp === 'number' && exp + clockTolerance > now && exp <= now + longestLifetime + instanceTolerance

/** Seconds by which the clocks of two instances may differ. */
const instanceTolerance = 60

/** The clock skew in seconds that other verifiers of these tokens allow as well. */
const clockTolerance = 5

async function openToken(
  { issuer, sealer, opaquePrefix }: Context,
  token: string,
): Promise<{ claims: AccessTokenClaims; kid?: never } | undefined> {
  const sealed = token.slice(opaquePrefix.length)
  const claims = await codec.open(sealer, sealContext(issuer, 'access-token'), sealed)
  return claims && { claims }
}

/** The props that the application attached at sign-in, from the token or from its grant. */
export async function openProps(
  { issuer, sealer }: Context,
  { claims, grantId }: AccessToken,
  grant: () => Promise<GrantRecord | undefined>,
): Promise<unknown> {
  const sealed = claims.props === true ? (await grant())?.props : claims.props
  if (sealed === undefined) return undefined
  return (await openForGrant(sealer, issuer, grantId, 'props', sealed))?.value
}
