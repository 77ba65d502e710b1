import { forgiving } from '../cache/contract.ts'
import { OAuthError, UnavailableError } from '../errors.ts'
import { guardedFetch, type GuardedResponse } from '../http/guarded-fetch.ts'
import { sha256 } from '../lib/hash.ts'
import { parseObject } from '../lib/json.ts'
import { Lru } from '../lib/lru.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { clientIdUrl } from '../protocol/client-id-url.ts'
import type { RedirectPolicy } from '../protocol/redirect-uri.ts'
import type { Cache, Fetch } from '../types.ts'
import { freshness, longestKept } from './client-documents-freshness.ts'
import { documentClient, invalidDocument } from './client-documents-policy.ts'
import { tellDropped, type ClientSource } from './clients.ts'
import type { Client } from './context.ts'
import { memoryRateLimiter } from './rate-limit.ts'

/** Bytes of a document, and seconds for the whole exchange (draft-ietf-oauth-client-id-metadata-document-01 §6). */
const maxBytes = 5120
const timeout = 5
/** Seconds for which a document that was no good twice is not asked for again: a brake, no cache of the answer (§4.4). */
const pause = 5
/** Fetches a minute from one origin: of documents that were good before, and of all others. */
const knownBudget = 120
const newBudget = 60

/** A document as it lies in a cache. */
interface Kept {
  until: number
  text: string
  etag?: string
}

export interface ClientDocumentsParts {
  issuer: string
  runtime: ResolvedRuntime
  fetch: Fetch
  cache: Cache | undefined
  redirects: RedirectPolicy
}

/**
 * Clients whose id is the URL of their metadata document (draft-ietf-oauth-client-id-metadata-document-01): public ones alone. A
 * document that cannot be had now is an UnavailableError; one that is refused, no client.
 */
export function createClientDocuments(parts: ClientDocumentsParts): ClientSource {
  const { issuer, runtime, fetch, redirects } = parts
  const { clock } = runtime
  const shared = parts.cache && forgiving(parts.cache, runtime.failed)
  const clients = new Lru<{ client: Client; kept: Kept }>(1000)
  const good = new Lru<true>(1000)
  const refused = new Lru<{ until: number; again: boolean; error: UnavailableError | undefined }>(1000)
  const flights = new SingleFlight<Client | undefined>(runtime)
  const budgets = {
    known: memoryRateLimiter({ limit: knownBudget, clock }),
    new: memoryRateLimiter({ limit: newBudget, clock }),
  }

  const load = async (url: URL): Promise<Client | undefined> => {
    try {
      return (await recall(url.href)) ?? (await ask(url))
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      const unavailable =
        error instanceof UnavailableError ? new DocumentUnavailableError(error.message) : undefined
      const again = (refused.peek(url.href)?.until ?? 0) > clock()
      refused.set(url.href, { until: clock() + pause, again, error: unavailable })
      const event = { level: 'warning', issuer, clientId: url.href, detail: error.message } as const
      runtime.event({ type: 'client.document-refused', ...event })
      if (unavailable !== undefined) throw unavailable
      return undefined
    }
  }

  /** From the cache that several instances share. It may lie: what it holds is judged like an answer. */
  const recall = async (id: string): Promise<Client | undefined> => {
    const found = readKept(await shared?.get(await cacheKey(id)), clock() + longestKept)
    if (found === undefined || found.until <= clock()) return undefined
    const client = await documentClient(id, found.text, redirects)
    clients.set(id, { client, kept: found })
    return client
  }

  const ask = async (url: URL): Promise<Client> => {
    const id = url.href
    const budget = good.peek(id) ? budgets.known : budgets.new
    if (!(await budget.limit({ key: url.origin })).success)
      throw new UnavailableError('Too many client documents of this host are asked for', { retryAfter: 60 })
    const before = clients.peek(id)
    const etag = before?.kept.etag
    const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
    const answer = await guardedFetch(url, { fetch, maxBytes, timeout, headers })
    const unchanged = answer.status === 304 && etag !== undefined
    const text = unchanged ? before!.kept.text : textOf(answer)
    const dropped: string[] = []
    const client = unchanged ? before!.client : await documentClient(id, text, redirects, dropped)
    tellDropped(parts, id, dropped)
    const newEtag = answer.headers.get('etag') ?? (unchanged ? etag : undefined)
    good.set(id, true)
    await keep(
      client,
      { text, ...(newEtag === undefined ? {} : { etag: newEtag }) },
      freshness(answer.headers),
    )
    return client
  }

  const keep = async (client: Client, document: Omit<Kept, 'until'>, ttl: number): Promise<void> => {
    clients.delete(client.id)
    if (ttl === 0) return
    const kept = { ...document, until: clock() + ttl }
    clients.set(client.id, { client, kept })
    await shared?.put(await cacheKey(client.id), JSON.stringify(kept), { ttl })
  }

  return async (id) => {
    const url = clientIdUrl(id)
    if (url === undefined) return undefined
    const known = clients.get(id)
    if (known !== undefined && known.kept.until > clock()) return known.client
    const brake = refused.get(id)
    if (!brake?.again || brake.until <= clock()) return flights.run(id, () => load(url))
    if (brake.error !== undefined) throw brake.error
    return undefined
  }
}

/** The document's own server is at fault: not now. */
export class DocumentUnavailableError extends UnavailableError {}

/** Only 200 is a document (§4); a server in trouble says nothing about the client. */
function textOf({ status, headers, text }: GuardedResponse): string {
  if (status >= 500 || status === 429)
    throw new UnavailableError(`The client document cannot be had now: status ${status}`)
  if (status !== 200) throw invalidDocument(`is not there: status ${status}`)
  // What users of a host may upload there as a page or a text does not speak for the host (§4.1).
  if (!/^(?:application\/(?:[\w.-]+\+)?json\s*(?:;|$)|$)/i.test(headers.get('content-type') ?? ''))
    throw invalidDocument('is not served as JSON')
  return text
}

const cacheKey = async (id: string): Promise<string> => `client-document:${await sha256(id, 'client')}`

function readKept(entry: string | undefined, latest: number): Kept | undefined {
  const { until, text, etag } = entry === undefined ? {} : (parseObject(entry) ?? {})
  if (typeof until !== 'number' || typeof text !== 'string') return undefined
  return { until: Math.min(until, latest), text, ...(typeof etag === 'string' ? { etag } : {}) }
}
