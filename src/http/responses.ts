import { defined } from '../lib/defined.ts'
import type { OAuthError } from '../errors.ts'
import { noStore } from './cache-control.ts'

export function json(
  value: unknown,
  init: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status: init.status ?? 200,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
}

/** The JSON body of an OAuth error (OAuth 2.1 §3.2.4), never stored. */
export function oauthError(error: OAuthError, headers: Readonly<Record<string, string>> = {}): Response {
  const { retryAfter } = error
  const retry = defined({ 'retry-after': retryAfter === undefined ? undefined : `${Math.ceil(retryAfter)}` })
  const { error: code, error_description: description } = error.toResponseObject()
  const body = { error: code, error_description: printable(description) }
  return json(body, { status: error.status, headers: { ...noStore, ...retry, ...headers } })
}

/** The characters that an `error_description` may have (RFC 6749 §5.2). */
export const printable = (text: string): string =>
  text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').slice(0, 300)
