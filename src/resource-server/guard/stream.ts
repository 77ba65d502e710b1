import type { Clock } from '../../types.ts'
import type { StreamKind } from './stream-kind.ts'

/** How long an answer may go on. */
export interface StreamLimit {
  clock: Clock
  /** Seconds since the epoch. */
  until: number
  /** Asked at intervals whether the token is still good; false ends the stream. Default: never asked. */
  alive?: () => Promise<boolean>
  /** Seconds between two checks. Default 30. */
  every?: number
  /**
   * For the answer to a POST: it outlives its token if it is the answer to a request, until `longest`
   * (seconds since the epoch).
   */
  kind?: StreamKind
  longest?: number
}

/** The most that an answer to a POST may last, in seconds. */
export const longestAnswer = 3600

const defaultEvery = 30

/** Types are compared in any case (RFC 9110 §8.3.1). */
export const isEventStream = ({ body, headers }: Response): boolean =>
  body !== null && /^text\/event-stream/i.test(headers.get('content-type') ?? '')

/**
 * The end of a stream: the answer, closed when its limit is reached. An answer that is not an event stream is
 * returned as it is.
 */
export function limitStream(response: Response, limit: StreamLimit): Response {
  const { body, headers } = response
  if (body === null || !isEventStream(response)) return response
  return new Response(ending(body, limit), {
    status: response.status,
    statusText: response.statusText,
    headers,
  })
}

/**
 * Calls `end` once, when the limit is reached; soon, if it was reached before. Returns what stops the watch.
 */
export function watchEnd(limit: StreamLimit, end: () => void): () => void {
  const { clock, until, every = defaultEvery } = limit
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  const schedule = (rest: number): void => {
    timer = setTimeout(async () => {
      const next = await nextCheck(limit)
      if (stopped) return
      if (next !== undefined) return schedule(next)
      stopped = true
      end()
    }, rest * 1000)
  }
  schedule(Math.max(0, Math.min(until - clock(), every)))
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Seconds until the next check; undefined if the stream has to end. */
async function nextCheck(limit: StreamLimit): Promise<number | undefined> {
  const { clock, until, alive, every = defaultEvery, kind, longest = until } = limit
  const isAnswer = kind === undefined ? false : await kind.isAnswer()
  const last = isAnswer === false ? until : longest
  if (clock() >= last) return undefined
  if (isAnswer === false && (await alive?.().catch(() => true)) === false) return undefined
  const now = clock()
  if (now < until) return Math.min(until - now, every)
  return Math.max(0, Math.min(last - now, isAnswer === 'unknown' ? 1 : every))
}

function ending(source: ReadableStream<Uint8Array>, limit: StreamLimit): ReadableStream<Uint8Array> {
  const { clock, until, kind } = limit
  const reader = source.getReader()
  let stopWatch: () => void = () => undefined
  let over = false

  const end = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    if (over) return
    over = true
    stopWatch()
    controller.close()
    // Tells the handler that its answer is not read any more.
    reader.cancel('the access token has ended').catch(() => undefined)
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      stopWatch = watchEnd(limit, () => end(controller))
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (over) return
        if (!done) kind?.see(value)
        if (done || (clock() >= until && (await nextCheck(limit)) === undefined)) return end(controller)
        if (!over) controller.enqueue(value)
      } catch (error) {
        if (over) return
        over = true
        stopWatch()
        controller.error(error)
      }
    },
    cancel(reason) {
      over = true
      stopWatch()
      return reader.cancel(reason)
    },
  })
}
