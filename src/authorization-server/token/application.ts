import { isUnavailableError, OAuthError } from '../../errors.ts'
import { attribute } from '../../lib/runtime.ts'
import { callPartWithin } from '../../lib/within.ts'

/**
 * Asks the application's code at a token request. Rejects with UnavailableError if that throws one or takes
 * more than 10 s, and with `server_error` whatever else it throws.
 */
export async function askApplication<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await callPartWithin(where, work)
  } catch (thrown) {
    if (isUnavailableError(thrown)) throw thrown
    // Also for an OAuthError that was thrown: it says nothing about this request of this client.
    const error = new OAuthError('server_error', 'Something went wrong here', { status: 500 })
    throw attribute(error, where, thrown)
  }
}
