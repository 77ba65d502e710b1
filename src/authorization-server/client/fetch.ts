import { isOAuthError, UnavailableError } from '../../errors.ts'
import { guardedFetch, type GuardedResponse } from '../../http/guarded-fetch.ts'
import { registrableSuffix } from '../../http/registrable-suffix.ts'
import type { Clock, Fetch } from '../../types.ts'
import { memoryRateLimiter } from '../rate-limit.ts'

/** Fetches a client's metadata document or key set. `known`: an earlier fetch of it succeeded. */
export type ClientFetch = (
  url: string | URL,
  options: { known: boolean; maxBytes: number; headers?: Readonly<Record<string, string>> },
) => Promise<GuardedResponse>

/** Seconds for the whole exchange (draft-ietf-oauth-client-id-metadata-document-01 §6). */
const timeout = 5
/** Fetches per minute of known URLs: from one host, and from all names of one owner. */
const knownBudgets = { host: 120, suffix: 240 }
/** Fetches per minute of other URLs: from one host, from all names of one owner, and in total. */
const newBudgets = { host: 30, suffix: 60, all: 300 }
/** Parallel fetches. */
const flights = { known: 50, new: 20 }

/**
 * A client's document or key set cannot be fetched now. SSRF: for every reason the caller sees one status and
 * one text, so that this server cannot be used to scan ports or names. `reason` is for events.
 */
export class DocumentUnavailableError extends UnavailableError {
  readonly reason: string

  constructor(reason: string) {
    super('The metadata of the client cannot be read now')
    this.reason = reason
  }
}

/**
 * SSRF: any caller can choose these URLs, so their number is limited by host, by owner and in total, and
 * `guardedFetch` judges each address. Rejects with DocumentUnavailableError.
 */
export function createClientFetch(parts: { fetch: Fetch; clock: Clock }): ClientFetch {
  const { fetch, clock } = parts
  const known = {
    host: memoryRateLimiter({ limit: knownBudgets.host, clock }),
    suffix: memoryRateLimiter({ limit: knownBudgets.suffix, clock }),
  }
  const fresh = {
    host: memoryRateLimiter({ limit: newBudgets.host, clock }),
    suffix: memoryRateLimiter({ limit: newBudgets.suffix, clock }),
    all: memoryRateLimiter({ limit: newBudgets.all, clock }),
  }
  const running = { known: 0, new: 0 }

  /** The port is not part of the key, because the caller can choose it. */
  const isWithinBudget = async ({ hostname }: URL, isKnown: boolean): Promise<boolean> => {
    const { host, suffix } = isKnown ? known : fresh
    return (
      (await host.limit({ key: hostname })).success &&
      (await suffix.limit({ key: registrableSuffix(hostname) })).success &&
      (isKnown || (await fresh.all.limit({ key: '' })).success)
    )
  }

  return async (url, { known: isKnown, maxBytes, headers = {} }) => {
    const kind = isKnown ? 'known' : 'new'
    if (running[kind] >= flights[kind]) throw new DocumentUnavailableError('Too many are asked for at once')
    running[kind]++
    try {
      if (!(await isWithinBudget(new URL(url), isKnown)))
        throw new DocumentUnavailableError('Too many of this host are asked for')
      return await guardedFetch(url, { fetch, maxBytes, timeout, headers })
    } catch (error) {
      if (isOAuthError(error) && !(error instanceof DocumentUnavailableError))
        throw new DocumentUnavailableError(error.message)
      throw error
    } finally {
      running[kind]--
    }
  }
}
