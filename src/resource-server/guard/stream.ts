import type { Clock } from '../../types.ts'
import type { StreamKind } from './stream-kind.ts'

/** How long an answer may go on. */
export interface StreamLimit {
  clock: Clock
  /** Seconds since the epoch. */
  until: number
  /** Asked every so often whether the token still holds; false ends the stream. Default: never asked. */
  alive?: () => Promise<boolean>
  /** Seconds between two looks. Default 30. */
  every?: number
  /** For the answer to a POST: it outlives its token if it is the answer to a request, until `longest` (seconds since the epoch). */
  kind?: StreamKind
  longest?: number
}

/** The most that an answer to a POST may last, in seconds. */
export const longestAnswer = 3600

/** Types are compared in any case (RFC 9110 §8.3.1). */
export const isEventStream = ({ body, headers }: Response): boolean =>
  body !== null && /^text\/event-stream/i.test(headers.get('content-type') ?? '')

/** The answer, ended in time. Whatever is no event stream is returned as it is. */
export function limitStream(response: Response, limit: StreamLimit): Response {
  const { body, headers } = response
  if (body === null || !isEventStream(response)) return response
  return new Response(ending(body, limit), {
    status: response.status,
    statusText: response.statusText,
    headers,
  })
}

function ending(source: ReadableStream<Uint8Array>, limit: StreamLimit): ReadableStream<Uint8Array> {
  const { clock, until, alive, every = 30, kind, longest = until } = limit
  const reader = source.getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false

  const end = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    controller.close()
    // The handler learns that nobody listens any more.
    reader.cancel('the access token has ended').catch(() => undefined)
  }

  const holds = async (): Promise<boolean> => {
    if (kind !== undefined && (await kind.isAnswer())) return clock() < longest
    return clock() < until && (await alive?.().catch(() => true)) !== false
  }

  const watch = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const next = clock() < until ? until : longest
    const rest = Math.max(0, Math.min(next - clock(), every))
    timer = setTimeout(async () => {
      const goesOn = await holds()
      if (over) return
      if (goesOn) watch(controller)
      else end(controller)
    }, rest * 1000)
  }

  return new ReadableStream<Uint8Array>({
    start: watch,
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (over) return
        if (!done) kind?.see(value)
        if (done || (clock() >= until && !(await holds()))) return end(controller)
        if (!over) controller.enqueue(value)
      } catch (error) {
        if (over) return
        over = true
        clearTimeout(timer)
        controller.error(error)
      }
    },
    cancel(reason) {
      over = true
      clearTimeout(timer)
      return reader.cancel(reason)
    },
  })
}
