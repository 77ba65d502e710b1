import { OAuthError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { methods, type OptionalOption } from '../lib/options.ts'

/**
 * The error classes of the official SDK v1, which recognises no others: all that
 * `@modelcontextprotocol/sdk/server/auth/errors.js` exports.
 */
export interface SdkErrors {
  readonly InvalidTokenError: SdkErrorClass
  readonly InsufficientScopeError: SdkErrorClass
  readonly InvalidRequestError: SdkErrorClass
  readonly ServerError: SdkErrorClass
}

/** One of the error classes of SDK v1. */
export type SdkErrorClass = new (message: string) => Error

/** What the SDK answers: 401, 403, 400 or 500. It has no 503. */
const classes = {
  invalid_token: 'InvalidTokenError',
  insufficient_scope: 'InsufficientScopeError',
  invalid_request: 'InvalidRequestError',
  server_error: 'ServerError',
} as const

/** The row of the option `errors`. */
export const sdkErrors = (): OptionalOption<SdkErrors> => {
  const what = 'all that @modelcontextprotocol/sdk/server/auth/errors.js exports'
  return methods(Object.values(classes), what)
}

/**
 * A refusal of the guard, as an error that the SDK recognises as its own. A client that is told
 * `invalid_token` discards its tokens, so only a 401 of the guard becomes one.
 */
export async function toSdkError(refused: Response, errors: SdkErrors | undefined): Promise<Error> {
  const { status } = refused
  // A request without a token (401), and what is answered before a token is read: preflight and metadata.
  if (refused.ok || refused.body === null)
    return sdkError('invalid_token', 'The request carries no access token', errors)
  const { error, error_description: text } = (await refused.json()) as Record<string, string>
  if (status >= 500) {
    const retryAfter = Number(refused.headers.get('retry-after')) || undefined
    return serverError(error!, text!, errors, { status, ...defined({ retryAfter }) })
  }
  if (status === 401) return sdkError('invalid_token', text!, errors, status)
  return sdkError(error === 'insufficient_scope' ? error : 'invalid_request', text!, errors, status)
}

/** For what the application's own code threw. Its text stays out of the answer. */
export const internalError = (errors: SdkErrors | undefined): Error =>
  serverError('server_error', 'The token could not be judged', errors, { status: 500 })

/** 500, which is the nearest that the SDK has to 503; the body tells the client which of the two it is. */
function serverError(
  code: string,
  text: string,
  errors: SdkErrors | undefined,
  options: { status: number; retryAfter?: number },
): Error {
  const error =
    errors === undefined ? new OAuthError('server_error', text, options) : new errors.ServerError(text)
  const body = { error: code, error_description: text }
  return Object.defineProperty(error, 'toResponseObject', { value: () => body })
}

function sdkError(
  code: keyof typeof classes,
  text: string,
  errors: SdkErrors | undefined,
  status = 401,
): Error {
  return errors === undefined ? new OAuthError(code, text, { status }) : new errors[classes[code]](text)
}
