import { UnavailableError } from '../errors.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import { guardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'

/**
 * An authorization server's metadata, for whoever verifies its tokens: the documents of RFC 8414 and OpenID Connect Discovery in the order of
 * MCP, the first that is there counts, and its `issuer` must be the very string that was asked for (RFC 8414 §3.3). Rejects with
 * UnavailableError where there is none.
 */
export async function discoverAuthorizationServer(
  issuer: string,
  options: GuardedFetchOptions,
): Promise<AuthorizationServerMetadata> {
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const { status, text } = await guardedFetch(url, options)
    if (status >= 500)
      throw new UnavailableError(`The authorization server answered ${status} for its metadata`)
    if (status !== 200) continue
    const document = parseObject(text)
    if (document === undefined)
      throw new UnavailableError('The authorization server metadata is no JSON object')
    if (document['issuer'] !== issuer) {
      throw new UnavailableError(
        'The authorization server metadata names another issuer; configure the issuer exactly as it is written there',
      )
    }
    return document as unknown as AuthorizationServerMetadata
  }
  throw new UnavailableError('The authorization server has no metadata document')
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
