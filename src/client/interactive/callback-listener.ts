import { defined } from '../../lib/defined.ts'
import { OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { type TokenRecord } from '../records.ts'
import type { AuthorizationRequest, Redirect } from '../types.ts'
import type { BegunAuthorization } from './authorization-request.ts'
import { finishAuthorization, PromptRefusedError } from './callback.ts'
import { answerFailure, answerSuccess, failurePage, redirectTo } from './page.ts'
import { recordKeys } from '../record-keys.ts'

/** A redirect that ends in this process. */
export interface CallbackListener {
  readonly uri: string
  /**
   * Settles when the answer with this state arrived, or the time was over; the listener is closed by then.
   * `retry` makes the request without `prompt`, for a server that refuses it.
   */
  waitForTokens(state: string, retry: () => Promise<BegunAuthorization>): Promise<TokenRecord>
  show(url: URL, request: AuthorizationRequest): Promise<void>
  close(): Promise<void>
}

/** Each failure, the timeout included, reaches `onError` and rejects `waitForTokens`. */
export async function listenForCallback(
  context: ClientContext,
  redirect: Redirect,
  preferred: string | undefined,
  segment: string | undefined,
): Promise<CallbackListener> {
  let expectedState: string | undefined
  let begin: (() => Promise<BegunAuthorization>) | undefined
  let nextPage: URL | undefined
  let answered: Promise<Response> | undefined
  const outcome = deferred<TokenRecord>()
  // Awaited later, perhaps after it was rejected: not an unhandled rejection.
  outcome.promise.catch(() => undefined)

  // CSRF: any page can send a browser to a loopback port, so only an answer with our state counts.
  const isOurs = (parameters: URLSearchParams): boolean => parameters.get('state') === expectedState
  const fail = (error: unknown): Promise<Response> => {
    outcome.reject(error)
    return answerFailure(context, error)
  }
  const finish = async (arrived: URL): Promise<Response> => {
    try {
      const { tokens, ...authorized } = await finishAuthorization(context, arrived)
      outcome.resolve(tokens)
      return await answerSuccess(context, authorized)
    } catch (error) {
      if (!(error instanceof PromptRefusedError)) return fail(error)
    }
    // The browser is here and is redirected at once.
    try {
      const { url, state } = await begin!()
      expectedState = state
      answered = undefined
      nextPage = url
      return redirectTo(url.href)
    } catch (error) {
      return fail(error)
    }
  }
  const { uri, close } = await redirect.listen(
    async (request) => {
      const arrived = new URL(request.url)
      if (!isOurs(arrived.searchParams)) return failurePage()
      // Some browsers load a page twice.
      return (await (answered ??= finish(arrived))).clone()
    },
    { preferred, ...defined({ segment }) },
  )
  let closed: Promise<void> | undefined
  const closeOnce = (): Promise<void> => (closed ??= (async () => close())())
  return {
    uri,
    close: closeOnce,
    async waitForTokens(state, retry) {
      expectedState = state
      begin = retry
      const timer = setTimeout(() => {
        const error = new OAuthError('authorization_timeout', 'The user did not approve in time')
        answered ??= fail(error)
        // If the code is being exchanged, onError hears of that outcome.
        outcome.reject(error)
      }, context.options.authorizationTimeout * 1000)
      try {
        return await outcome.promise
      } finally {
        clearTimeout(timer)
        await context.storage.delete(await recordKeys.flow(expectedState))
        await closeOnce()
      }
    },
    async show(url, request) {
      try {
        for (let page: URL | undefined = url; page !== undefined; page = nextPage) {
          nextPage = undefined
          const arrived = await redirect.open(page, request)
          if (arrived === undefined) return
          const back = new URL(URL.canParse(String(arrived)) ? arrived : uri)
          if (!isOurs(back.searchParams))
            throw new OAuthError(
              'invalid_callback',
              'This is not where the browser arrived: pass the whole address, of the latest attempt',
            )
          await (answered ??= finish(back))
        }
      } catch (error) {
        await fail(error)
      }
    },
  }
}

/** Promise.withResolvers is newer than Node 20. */
function deferred<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle))
  return { promise, resolve, reject }
}
