import { UnavailableError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { getDocument, outgoing, withoutQuery } from '../outgoing.ts'

/** The requests of one discovery. */
export interface Look {
  /** The JSON object at the URL, or undefined if there is none. */
  at(url: string): Promise<Record<string, unknown> | undefined>
  /** What was asked, and how it was answered, for an error message. */
  readonly asked: readonly string[]
}

/** Seconds for a whole discovery, however many documents the server names. */
const budget = 15
/** Seconds for one of its requests. */
const each = 5

export function startLook(context: ClientContext, server: string): Look {
  const { clock } = context.runtime
  const ends = clock() + budget
  const asked: string[] = []
  return {
    asked,
    async at(url) {
      const left = ends - clock()
      if (left <= 0)
        throw new UnavailableError(`Discovery for ${withoutQuery(server)} took longer than ${budget} seconds`)
      const options = { ...outgoing(context, server), timeout: Math.min(each, left) }
      const { status, document } = await getDocument(url, options)
      asked.push(
        `${withoutQuery(url)} (${status === 200 && document === undefined ? 'no JSON object' : status})`,
      )
      return document
    },
  }
}
