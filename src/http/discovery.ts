import { UnavailableError } from '../errors.ts'
import { parseObject } from '../lib/json.ts'
import { oneLine } from '../lib/runtime.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import { guardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'

/**
 * An authorization server's metadata, for those who verify its tokens or sign in there: the documents of RFC
 * 8414 and OpenID Connect Discovery in the order of MCP. The first counts whose `issuer` is the very string
 * that was asked for (RFC 8414 §3.3). Rejects with UnavailableError if there is none, and at once if the
 * server answers 5xx.
 */
export async function discoverAuthorizationServer(
  issuer: string,
  options: GuardedFetchOptions,
  urls: readonly string[] = authorizationServerMetadataUrls(issuer),
): Promise<AuthorizationServerMetadata> {
  let problem = 'has no metadata document'
  for (const url of urls) {
    const { status, text } = await guardedFetch(url, options)
    if (status >= 500)
      throw new UnavailableError(`The authorization server answered ${status} for its metadata`)
    // Many hosts answer 200 with their start page, or with another tenant's document, if there is none.
    const document = status === 200 ? parseObject(text) : undefined
    if (document?.['issuer'] === issuer && isText(document['jwks_uri']))
      return document as unknown as AuthorizationServerMetadata
    if (document !== undefined)
      problem =
        `names ${oneLine(JSON.stringify(document['issuer']) ?? 'no issuer', 100)} as its issuer in its ` +
        `metadata, not ${issuer}; configure the issuer exactly as it is written there`
  }
  throw new UnavailableError(`The authorization server ${problem}`)
}

/** The hand check of what the guard reads. */
const isText = (value: unknown): boolean => value === undefined || value === null || typeof value === 'string'
