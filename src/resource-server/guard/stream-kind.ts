import { readText } from '../../http/body.ts'
import { bodyElsewhere, isOwn } from '../../lib/own-request.ts'

/** What is known of the event stream that answers a POST. */
export interface StreamKind {
  /** Reads the beginning of the stream. */
  see(chunk: Uint8Array): void
  /**
   * Whether it is the answer to a request. A subscription and an unknown method are not. `unknown` counts as
   * an answer for now: the body may still be parsed.
   */
  isAnswer(): Promise<boolean | 'unknown'>
}

const subscription = 'subscriptions/listen'
/** Requests that MCP ends with one answer. */
const answered =
  /^(?:initialize|ping|server\/discover|logging\/setLevel|completion\/complete|(?:tools|prompts|resources|tasks|notifications)\/.+)$/

/** Whether each message of a body is answered once. An unknown method is not: it may be a subscription. */
export const wantsAnswers = (body: unknown): boolean =>
  [body].flat().every((message) => {
    const { method } = (message ?? {}) as { method?: unknown }
    return method === undefined || (typeof method === 'string' && answered.test(method))
  })

/**
 * The body decides, judged or not yet read. If the handler has read it, the stream decides: a subscription
 * begins with its acknowledgement (MCP 2026-07-28). The header can only make a stream a subscription, because
 * a client may leave it out.
 */
export function streamKind(request: Request, judged: boolean | undefined): StreamKind {
  const elsewhere = isOwn(request) ? request[bodyElsewhere] : undefined
  const unread = judged === undefined && elsewhere === undefined ? readUnread(request) : undefined
  let start = request.headers.get('mcp-method') === subscription ? acknowledgement : ''
  let decoder: TextDecoder | undefined
  return {
    see(chunk) {
      if (start.length < longestStart)
        start += (decoder ??= new TextDecoder()).decode(chunk.subarray(0, longestStart), { stream: true })
    },
    async isAnswer() {
      if (judged !== undefined) return judged
      const body = elsewhere === undefined ? await unread : elsewhere()
      if (body !== undefined) return wantsAnswers(body)
      if (/"notifications\\?\/subscriptions\\?\/acknowledged"/.test(start)) return false
      return elsewhere === undefined || 'unknown'
    },
  }
}

const acknowledgement = '"notifications/subscriptions/acknowledged"'
/**
 * Characters of the stream in which the acknowledgement is searched, and bytes of a body that is only read
 * for this.
 */
const longestStart = 4096
const longestBody = 65_536

/** The body of a request that the handler has not read; undefined if it was read, is long, or is not JSON. */
async function readUnread(request: Request): Promise<unknown> {
  if (request.bodyUsed || request.body === null) return undefined
  try {
    return JSON.parse(await readText(request.clone(), longestBody)) as unknown
  } catch {
    return undefined
  }
}
