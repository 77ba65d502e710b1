import { OAuthError } from '../../errors.ts'
import { finishAuthorization } from './callback.ts'
import type { ClientContext } from '../context.ts'
import { PromptRefusedError } from '../errors.ts'
import type { AuthorizationRequest, Redirect } from '../options.ts'
import { answerFailure, answerSuccess, failurePage, sendTo } from './page.ts'
import { keys, type TokenRecord } from '../storage/records.ts'

/** An authorization request. */
interface Page {
  url: URL
  state: string
}

/** A way back that ends in this process. */
export interface WayBack {
  readonly uri: string
  /**
   * Settles when the answer with this state came, or the time was over. The way back is closed by then. `again` makes the request without
   * `prompt`, for a server that refuses it.
   */
  finished(state: string, again: () => Promise<Page>): Promise<TokenRecord>
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
  let retry: (() => Promise<Page>) | undefined
  let next: URL | undefined
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
      if (!(error instanceof PromptRefusedError)) return fail(error)
    }
    // The browser is here, and goes back at once.
    try {
      const { url, state } = await retry!()
      expected = state
      answered = undefined
      next = url
      return sendTo(url.href)
    } catch (error) {
      return fail(error)
    }
  }
  const fail = (error: unknown): Promise<Response> => {
    outcome.reject(error)
    return answerFailure(context, error)
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
    async finished(state, again) {
      expected = state
      retry = again
      const timer = setTimeout(() => {
        outcome.reject(new OAuthError('authorization_timeout', 'Nobody approved in time'))
      }, context.options.authorizationTimeout * 1000)
      try {
        return await outcome.promise
      } finally {
        clearTimeout(timer)
        await context.storage.delete(await keys.flow(expected))
        await closeOnce()
      }
    },
    async show(url, request) {
      try {
        for (let page: URL | undefined = url; page !== undefined; page = next) {
          next = undefined
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
