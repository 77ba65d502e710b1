import { OAuthError, UnavailableError } from '../../errors.ts'
import { oneLine } from '../../lib/runtime.ts'
import { refused } from '../errors.ts'

/** What a token endpoint answers (RFC 6749 §5.1), with the members that we use. */
export interface TokenAnswer {
  accessToken: string
  type: 'bearer' | 'dpop'
  /** Seconds. */
  expiresIn?: number
  refreshToken?: string
  scope?: string
  /** RFC 8693 §2.2.1 */
  issuedTokenType?: string
}

/**
 * The answer, tolerant of what providers write: `null` and `""` are absent, numbers may be strings, any 2xx is success. An ID token is not
 * looked at: nobody reads it here, and an odd one must not fail the exchange. `types` are the token types that make sense, `asBearer` those that
 * this provider writes for a bearer token, in any case of letters.
 */
export async function tokenAnswer(
  response: Response,
  types: readonly string[] = ['bearer', 'dpop'],
  asBearer: readonly string[] = [],
): Promise<TokenAnswer> {
  const body = await successBody(response)
  const written = textOf(body['token_type'])?.toLowerCase() ?? ''
  const type = asBearer.some((each) => each.toLowerCase() === written) ? 'bearer' : written
  const accessToken = textOf(body['access_token'])
  // What cannot stand in a header would be quoted by the platform's error.
  if (accessToken === undefined || !/^[\x21-\x7e]+$/.test(accessToken) || !types.includes(type))
    throw refused('invalid_response', 'The token endpoint answered without a token of a known type')
  const optional = {
    expiresIn: positiveNumberOf(body['expires_in']),
    refreshToken: textOf(body['refresh_token']),
    scope: textOf(body['scope']),
    issuedTokenType: textOf(body['issued_token_type']),
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { accessToken, type: type as TokenAnswer['type'], ...Object.fromEntries(given) }
}

/** An optional member that is text: `null` and `""` are absent. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** An optional member that is a number, or one in text; undefined if it is not positive. */
export function positiveNumberOf(value: unknown): number | undefined {
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : 0
  return number > 0 && Number.isFinite(number) ? number : undefined
}

/** The JSON object of a 2xx answer. Rejects with the server's error code, or with `invalid_response`. */
export async function successBody(response: Response): Promise<Record<string, unknown>> {
  const body = (await response.json()) as Record<string, unknown>
  // GitHub answers 200 with an error.
  if (response.ok && !body['error']) return body
  const { error, error_description: description } = body
  if (error === 'server_error' || error === 'temporarily_unavailable')
    throw new UnavailableError('The authorization server has a problem at the moment')
  const status = response.ok ? 400 : response.status
  throw new OAuthError(errorCode(error), harmless(description) || 'The authorization server refused', {
    status,
  })
}

/** An error code as RFC 6749 §5.2 allows it; what else a server writes is not repeated. */
export const errorCode = (text: unknown): string =>
  typeof text === 'string' && /^[a-z_]{1,40}$/.test(text) ? text : 'invalid_response'

/** A server's `error_description` in one printable line. Long words may be a credential that the server quotes. */
export const harmless = (text: unknown): string =>
  typeof text === 'string' ? oneLine(text).replaceAll(/[\w~+/.=-]{16,}/g, '…') : ''
