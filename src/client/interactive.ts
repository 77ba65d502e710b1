import { OAuthError } from '../errors.ts'
import { finishAuthorization } from './callback.ts'
import type { ClientContext } from './context.ts'
import type { AuthorizationRequest, Redirect } from './options.ts'
import { answerFailure, answerSuccess, failurePage } from './page.ts'
import { keys, type TokenRecord } from './records.ts'

/** A way back that ends in this process. */
export interface WayBack {
  readonly uri: string
  /** Settles when the answer with this state came, or the time was over. The way back is closed by then. */
  finished(state: string): Promise<TokenRecord>
  show(url: URL, request: AuthorizationRequest): Promise<void>
  close(): Promise<void>
}

export async function openWayBack(
  context: ClientContext,
  redirect: Redirect,
  preferred: string | undefined,
  segment: string | undefined,
): Promise<WayBack> {
  let expected: string | undefined
  const outcome = deferred<TokenRecord>()
  // Whoever waits hears of a failure; nobody has to.
  outcome.promise.catch(() => undefined)

  const isOurs = (parameters: URLSearchParams): boolean => parameters.get('state') === expected
  const finish = async (arrived: URL): Promise<Response> => {
    try {
      const { tokens, ...authorized } = await finishAuthorization(context, arrived)
      outcome.resolve(tokens)
      return await answerSuccess(context, authorized)
    } catch (error) {
      outcome.reject(error)
      return answerFailure(context, error)
    }
  }
  let answered: Promise<Response> | undefined
  /** Only an answer with our state decides; any page can send a browser to a loopback port. */
  const { uri, close } = await redirect.listen(
    async (request) => {
      const arrived = new URL(request.url)
      if (!isOurs(arrived.searchParams)) return failurePage()
      // Some browsers load a page twice.
      return (await (answered ??= finish(arrived))).clone()
    },
    { preferred, ...(segment === undefined ? {} : { segment }) },
  )
  const closeOnce = once(async () => close())
  return {
    uri,
    close: closeOnce,
    async finished(state) {
      expected = state
      const timer = setTimeout(() => {
        outcome.reject(new OAuthError('authorization_timeout', 'Nobody approved in time'))
      }, context.options.authorizationTimeout * 1000)
      try {
        return await outcome.promise
      } finally {
        clearTimeout(timer)
        await context.storage.delete(await keys.flow(state))
        await closeOnce()
      }
    },
    async show(url, request) {
      try {
        const arrived = await redirect.open(url, request)
        if (arrived === undefined) return
        const back = new URL(URL.canParse(String(arrived)) ? arrived : uri)
        if (!isOurs(back.searchParams))
          throw new OAuthError(
            'invalid_callback',
            'This is not where the browser arrived: pass the whole address, of the latest attempt',
          )
        await (answered ??= finish(back))
      } catch (error) {
        outcome.reject(error)
      }
    },
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}

/** Promise.withResolvers is younger than Node 20. */
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
