import { forgiving } from '../../cache/contract.ts'
import type { GuardedResponse } from '../../http/guarded-fetch.ts'
import { recordCodec } from '../../lib/codec.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { clientIdUrl } from '../../protocol/client-id.ts'
import type { RedirectPolicy } from '../../protocol/redirect-uri.ts'
import type { Cache } from '../../types.ts'
import { freshness, longestKept } from './documents-freshness.ts'
import { documentClient, RefusedDocumentError } from './documents-policy.ts'
import { DocumentUnavailableError, type ClientFetch } from './fetch.ts'
import { reportDropped } from './client.ts'
import type { ClientSource } from './directory.ts'
import type { Client } from '../context.ts'
import type { Limits } from '../rate-limit.ts'

/** The most bytes of a document (draft-ietf-oauth-client-id-metadata-document-01 §6). */
const maxBytes = 5120
/**
 * Seconds for which a document that failed twice in a row is not fetched again. A brake, not a cache of the
 * answer (§4.4).
 */
const pause = 5

/** A document in a cache. */
interface Kept {
  until: number
  text: string
  etag?: string
}

const codec = recordCodec<Kept>('client document', { until: 'number', text: 'string', etag: 'string?' })

export interface ClientDocumentsParts {
  issuer: string
  runtime: ResolvedRuntime
  limits: Limits
  fetch: ClientFetch
  cache: Cache | undefined
  redirects: RedirectPolicy
}

/**
 * Clients whose id is the URL of their metadata document (draft-ietf-oauth-client-id-metadata-document-01).
 * Rejects with DocumentUnavailableError if the document cannot be fetched now. If it is refused, there is no
 * such client; with `explain`, a RefusedDocumentError.
 */
export function createClientDocuments(parts: ClientDocumentsParts): ClientSource {
  const { issuer, runtime, limits, fetch, redirects } = parts
  const { clock } = runtime
  const shared = parts.cache && forgiving(parts.cache, runtime.failed)
  const clients = new Lru<{ client: Client; kept: Kept }>(1000)
  const fetched = new Lru<true>(1000)
  const failures = new Lru<{ until: number; again: boolean; error: DocumentError }>(1000)
  const flights = new SingleFlight<Client | DocumentError>(runtime)

  const load = async (url: URL): Promise<Client | DocumentError> => {
    try {
      return (await readShared(url.href)) ?? (await fetchDocument(url))
    } catch (error) {
      if (!(error instanceof RefusedDocumentError || error instanceof DocumentUnavailableError)) throw error
      const again = (failures.peek(url.href)?.until ?? 0) > clock()
      failures.set(url.href, { until: clock() + pause, again, error })
      const detail = error instanceof DocumentUnavailableError ? error.reason : error.message
      const event = { level: 'warning', issuer, clientId: url.origin + url.pathname, detail } as const
      runtime.event({ type: 'client.document-refused', ...event })
      return error
    }
  }

  /**
   * From the cache that several instances share. Cache poisoning: an entry is checked like a fetched
   * document.
   */
  const readShared = async (id: string): Promise<Client | undefined> => {
    const found = readKept(await shared?.get(await cacheKey(id)), clock() + longestKept)
    if (found === undefined || found.until <= clock()) return undefined
    const client = await documentClient(id, found.text, redirects)
    clients.set(id, { client, kept: found })
    return client
  }

  const fetchDocument = async (url: URL): Promise<Client> => {
    const id = url.href
    const before = clients.peek(id)
    const etag = before?.kept.etag
    const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
    const answer = await fetch(url, { known: fetched.peek(id) === true, maxBytes, headers })
    const unchanged = answer.status === 304 && etag !== undefined
    const text = unchanged ? before!.kept.text : textOf(answer)
    const dropped: string[] = []
    const client = unchanged ? before!.client : await documentClient(id, text, redirects, dropped)
    reportDropped(parts, id, dropped)
    const newEtag = answer.headers.get('etag') ?? (unchanged ? etag : undefined)
    fetched.set(id, true)
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
    await shared?.put(await cacheKey(client.id), codec.encode(kept), { ttl })
  }

  return async (id, { request, mayFetch, explain } = {}) => {
    const url = clientIdUrl(id)
    if (url === undefined) return undefined
    const known = clients.get(id)
    if (known !== undefined && known.kept.until > clock()) return known.client
    if (mayFetch !== undefined && !(await mayFetch())) return undefined
    const failure = failures.get(id)
    const isPaused = failure?.again === true && failure.until > clock()
    // SSRF: any caller can choose the URL, so the number of fetches is limited by caller.
    if (!isPaused && request !== undefined && !fetched.peek(id))
      await limits.attempt('client-document', request)
    const found = isPaused ? failure.error : await flights.run(id, () => load(url))
    if (!(found instanceof Error)) return found
    if (found instanceof DocumentUnavailableError || explain === true) throw found
    return undefined
  }
}

type DocumentError = RefusedDocumentError | DocumentUnavailableError

/** Only an answer with status 200 is a document (§4). */
function textOf({ status, headers, text }: GuardedResponse): string {
  if (status !== 200) throw new DocumentUnavailableError(`It was answered with ${status}`)
  // Client impersonation: users of a host may upload pages and texts there, which do not speak for the host
  // (§4.1).
  if (!/^(?:application\/(?:[\w.-]+\+)?json\s*(?:;|$)|$)/i.test(headers.get('content-type') ?? ''))
    throw new DocumentUnavailableError('It is not served as JSON')
  return text
}

const cacheKey = async (id: string): Promise<string> => `client-document:${await sha256(id, 'client')}`

function readKept(entry: string | undefined, latest: number): Kept | undefined {
  const kept = entry === undefined ? undefined : codec.decode(entry)
  return kept && { ...kept, until: Math.min(kept.until, latest) }
}
