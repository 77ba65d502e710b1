import { UnavailableError } from '../errors.ts'
import { guardedFetch } from '../http/guarded-fetch.ts'
import { readRetryAfter } from '../http/oauth-fetch.ts'
import { parseObject, valueAt } from '../lib/json.ts'
import { oneLine } from '../lib/runtime.ts'
import type { SignInProfile } from '../types.ts'
import type { Asserted } from './id-token.ts'
import type { UpstreamUser } from './options.ts'
import { refuseAnswer, type Remote } from './remote.ts'

type Claims = Readonly<Record<string, unknown>>

/** Who the provider's `userinfo` endpoint says that the token belongs to, for providers without ID tokens. */
export async function askWho(remote: Remote, accessToken: string): Promise<Asserted> {
  const claims = await fetchUserinfo(remote, accessToken)
  if (claims === undefined) throw refuseAnswer(remote, 'The userinfo endpoint answered without a user')
  return { issuer: remote.upstream.provider.issuer, claims }
}

/** What the ID token does not say, if it says neither name nor address. */
export async function completeClaims(
  remote: Remote,
  { issuer, claims }: Asserted,
  accessToken: string,
): Promise<Asserted> {
  const { userinfo_endpoint: endpoint } = await remote.metadata()
  if (claims['name'] !== undefined || claims['email'] !== undefined || endpoint === undefined)
    return { issuer, claims }
  const more = await fetchUserinfo(remote, accessToken)
  // The access token may be for another API. Who the user is, the ID token says.
  if (more === undefined) return { issuer, claims }
  // Token substitution (OpenID Connect Core §5.3.2).
  if (typeof claims['sub'] !== 'string' || more['sub'] !== claims['sub'])
    throw refuseAnswer(remote, 'The userinfo endpoint told about another user')
  return { issuer, claims: { ...more, ...claims } }
}

/** Undefined: it has no JSON for this token. Rejects with UnavailableError. */
async function fetchUserinfo(remote: Remote, accessToken: string): Promise<Claims | undefined> {
  const { upstream, outgoing } = remote
  const { userinfo_endpoint: endpoint } = await remote.metadata()
  if (endpoint === undefined) throw refuseAnswer(remote, 'The metadata name no userinfo endpoint')
  const { status, headers, text } = await guardedFetch(endpoint, {
    ...outgoing,
    headers: { ...upstream.profile.userinfoHeaders, authorization: `Bearer ${accessToken}` },
  })
  if (status === 429 || status >= 500 || isLimited(status, headers))
    throw new UnavailableError(`The userinfo endpoint answered ${status}`, readRetryAfter(headers))
  return status === 200 ? parseObject(text) : undefined
}

/** GitHub answers 403 above its limits. */
const isLimited = (status: number, headers: Headers): boolean =>
  status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0')

/** The user as `admit` gets it. */
export function toUser(remote: Remote, { issuer, claims }: Asserted, accessToken: string): UpstreamUser {
  const { profile } = remote.upstream
  const subject = readSubject(profile, claims)
  if (subject === undefined)
    throw refuseAnswer(remote, `The provider names no user in "${profile.subjectClaim ?? 'sub'}"`)
  const name = readName(profile, claims)
  const email = readEmail(profile, claims)
  return Object.defineProperty(
    {
      issuer,
      subject,
      ...(name === undefined ? {} : { name }),
      ...(email === undefined ? {} : { email }),
      claims,
    } as UpstreamUser,
    'accessToken',
    { value: accessToken, enumerable: false },
  )
}

/** The user's id, with the tenant before it if it is unique only there. */
function readSubject(
  { protocol, subjectClaim, subjectTenantClaim }: SignInProfile,
  claims: Claims,
): string | undefined {
  // OpenID Connect Core §2: `sub` is a string.
  const numbers = protocol === 'oauth2' && subjectClaim !== undefined
  const id = readId(valueAt(claims, subjectClaim ?? 'sub'), numbers)
  if (subjectTenantClaim === undefined || id === undefined) return id
  const tenant = readId(valueAt(claims, subjectTenantClaim), numbers)
  // Account linking: one reading of each pair.
  if (tenant === undefined || tenant.includes(':')) return undefined
  return readId(`${tenant}:${id}`, false)
}

/** Account linking: a number that JSON has rounded, or half a character, could stand for two users. */
function readId(value: unknown, numbers: boolean): string | undefined {
  if (numbers && Number.isSafeInteger(value)) return String(value)
  if (typeof value !== 'string' || value === '' || value.length > 255 || /\p{Cs}/u.test(value))
    return undefined
  return value
}

/** An address that is not verified may be another user's, so it is not shown (phishing, account linking). */
function readName(profile: SignInProfile, claims: Claims): string | undefined {
  for (const path of profile.nameClaims ?? ['name', 'preferred_username', 'email']) {
    const value = path === 'email' ? readEmail(profile, claims) : valueAt(claims, path)
    if (typeof value === 'string' && value.trim() !== '') return oneLine(value, 80)
  }
  return undefined
}

function readEmail(
  { emailVerified }: SignInProfile,
  { email, email_verified: verified }: Claims,
): string | undefined {
  return emailVerified !== 'never' && verified === true && typeof email === 'string' && email !== ''
    ? email
    : undefined
}
