import type { ErrorContext } from '../types.ts'

/**
 * The default of `onError` in development, that is with an issuer or a resource on a loopback address: the
 * error on the console.
 */
export function printError(error: unknown, { where, request }: ErrorContext): void {
  const asked = request === undefined ? '' : ` (${request.method} ${new URL(request.url).pathname})`
  console.error(`tollgate: ${where} failed${asked}:`, error)
}
