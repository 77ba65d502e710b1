import { isJsonObject, parseObject } from '../../../lib/json.ts'
import type { OpaqueProfile } from '../../../types.ts'

/** What came back. */
export interface Answer {
  status: number
  headers: Headers
  text: string
}

type Json = Readonly<Record<string, unknown>>

/**
 * The answer as claims of RFC 7662 §2.2; `inactive`: the token is not valid, or the answer is not
 * intelligible; `refused`: the provider does not accept *our* credentials; `unavailable`: it said nothing
 * about the token.
 */
export function introspectionClaims(
  profile: OpaqueProfile,
  { status, headers, text }: Answer,
): Json | 'inactive' | 'refused' | 'unavailable' {
  const style = profile.style ?? 'rfc7662'
  if (status === 200) return claimsOf[style](parseObject(text)) ?? 'inactive'
  if (invalidStatus[style]?.includes(status)) return 'inactive'
  const tokenIsCredential = style === 'google-tokeninfo' || style === 'discord-me'
  // RFC 7662 §2.3. oidc-provider's word for a JWT that it does not introspect: an answer about the token, not
  // an outage.
  if (status === 400 && parseObject(text)?.['error'] === 'unsupported_token_type') return 'inactive'
  // GitHub answers 403 if a rate limit is exceeded; others answer 429.
  const limited = status === 403 && headers.get('x-ratelimit-remaining') === '0'
  return !tokenIsCredential && !limited && (status === 401 || status === 403) ? 'refused' : 'unavailable'
}

/** Statuses by which a provider says, outside RFC 7662, that a token is not valid. */
const invalidStatus: Partial<Record<string, readonly number[]>> = {
  'google-tokeninfo': [400, 401],
  'github-check-token': [404, 422],
  'discord-me': [401],
}

const claimsOf: Record<NonNullable<OpaqueProfile['style']>, (body: Json | undefined) => Json | undefined> = {
  rfc7662: active,
  'clerk-token-info': active,
  // Google writes numbers as strings, and answers 200 only for valid tokens.
  'google-tokeninfo': (body) =>
    body && {
      ...body,
      active: true,
      exp: typeof body['exp'] === 'string' ? Number(body['exp']) : body['exp'],
    },
  // Picked one by one: the answer repeats the token itself.
  'github-check-token': (body) => {
    const app = record(body?.['app'])
    if (body === undefined || app === undefined) return undefined
    const user = record(body['user'])
    return compact({
      active: true,
      client_id: app['client_id'],
      scope: body['scopes'],
      sub: identifier(user?.['id']),
      login: user?.['login'],
      exp: seconds(body['expires_at']),
    })
  },
  'discord-me': (body) => {
    const application = record(body?.['application'])
    if (body === undefined || application === undefined) return undefined
    const user = record(body['user'])
    return compact({
      active: true,
      client_id: application['id'],
      scope: body['scopes'],
      sub: identifier(user?.['id']),
      username: user?.['username'],
      // Discord always says when its tokens end: without it this is not that answer.
      exp: seconds(body['expires']) ?? Number.NaN,
    })
  },
}

function active(body: Json | undefined): Json | undefined {
  return body?.['active'] === true ? body : undefined
}

function record(value: unknown): Json | undefined {
  return isJsonObject(value) ? value : undefined
}

function identifier(value: unknown): string | undefined {
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? String(value) : undefined
}

/**
 * ISO 8601 as seconds since the epoch; `null` and absence are "never", anything else unintelligible is NaN
 * and refused.
 */
function seconds(value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'string' ? Math.floor(Date.parse(value) / 1000) : Number.NaN
}

const compact = (claims: Json): Json =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
