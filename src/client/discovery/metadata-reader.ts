import { UnavailableError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { getDocument, outgoingOptions } from '../outgoing.ts'
import { withoutQuery } from '../urls.ts'

/** Requests the documents of one discovery. */
export interface MetadataReader {
  /** The JSON object at the URL, or undefined if there is none. */
  read(url: string): Promise<Record<string, unknown> | undefined>
  /** The URLs that were requested and how each was answered, for an error message. */
  readonly requested: readonly string[]
}

/** Seconds for a whole discovery, however many documents the server names. */
const totalTimeout = 15
/** Seconds for one of its requests. */
const requestTimeout = 5

export function createMetadataReader(context: ClientContext, server: string): MetadataReader {
  const { clock } = context.runtime
  const deadline = clock() + totalTimeout
  const requested: string[] = []
  return {
    requested,
    async read(url) {
      const left = deadline - clock()
      if (left <= 0)
        throw new UnavailableError(
          `Discovery for ${withoutQuery(server)} took longer than ${totalTimeout} seconds`,
        )
      const options = { ...outgoingOptions(context, server), timeout: Math.min(requestTimeout, left) }
      const { status, document } = await getDocument(url, options)
      const outcome = status === 200 && document === undefined ? 'no JSON object' : status
      requested.push(`${withoutQuery(url)} (${outcome})`)
      return document
    },
  }
}
