import { OAuthError, UnavailableError } from '../errors.ts'
import { oneLine } from '../lib/runtime.ts'

/** The JSON object of a 2xx answer. Rejects with the server's error code, or with `invalid_response`. */
export async function readAnswer(response: Response): Promise<Record<string, unknown>> {
  const body = (await response.json()) as Record<string, unknown>
  // GitHub answers 200 with an error.
  if (response.ok && !body['error']) return body
  const { error, error_description: description } = body
  if (error === 'server_error' || error === 'temporarily_unavailable')
    throw new UnavailableError('The authorization server has a problem at the moment')
  const status = response.ok ? 400 : response.status
  throw new OAuthError(
    toErrorCode(error),
    withoutCredentials(description) || 'The authorization server refused',
    { status },
  )
}

/** An optional member that is text: `null` and `""` are absent. */
export const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** An optional member that is a number, or one in text; undefined if it is not positive. */
export function optionalPositiveNumber(value: unknown): number | undefined {
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : 0
  return number > 0 && Number.isFinite(number) ? number : undefined
}

/** An error code as RFC 6749 §5.2 allows it; anything else that a server writes is not repeated. */
const toErrorCode = (text: unknown): string =>
  typeof text === 'string' && /^[a-z_]{1,40}$/.test(text) ? text : 'invalid_response'

/**
 * A server's `error_description` in one printable line. Long words may be a credential that the server
 * quotes.
 */
export const withoutCredentials = (text: unknown): string =>
  typeof text === 'string' ? oneLine(text).replaceAll(/[\w~+/.=-]{16,}/g, '…') : ''

/**
 * A server's metadata or answer cannot be used: a missing endpoint, no S256. What the server wrote is cleaned
 * here: no terminal escapes.
 */
export const serverError = (code: string, description: string): OAuthError =>
  new OAuthError(code, oneLine(description, 1000), { status: 502 })
