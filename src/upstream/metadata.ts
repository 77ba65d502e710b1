import { UnavailableError } from '../errors.ts'
import { discoverAuthorizationServer } from '../http/discovery.ts'
import { checkUrl, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { defined } from '../lib/defined.ts'
import { attribute } from '../lib/runtime.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { parseAuthorizationServerMetadata } from '../protocol/metadata-parse.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { SignInRuntime } from '../types.ts'
import type { Upstream } from './options.ts'
import { pausingAfterFailure } from './outage.ts'

/** The metadata of an identity provider that users can be sent to. */
export interface ProviderMetadata extends AuthorizationServerMetadata {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
}

/** Seconds for which a document is used. */
const lifetime = 600

/**
 * The provider's metadata: the preset's endpoints, or else its document (OpenID Connect Discovery §4, RFC
 * 8414), fetched once for all sign-ins of ten minutes; a failure counts for 5 s. Rejects with
 * UnavailableError.
 */
export function createMetadata(
  upstream: Upstream,
  runtime: SignInRuntime,
  outgoing: GuardedFetchOptions,
): () => Promise<ProviderMetadata> {
  const fixed = presetMetadata(upstream)
  if (fixed !== undefined) return async () => fixed
  const flights = new SingleFlight<ProviderMetadata>(runtime)
  let known: { metadata: ProviderMetadata; until: number } | undefined
  const load = pausingAfterFailure(runtime.clock, async () => {
    const metadata = await fetchMetadata(upstream, outgoing)
    known = { metadata, until: runtime.clock() + lifetime }
    return metadata
  })
  return async () => {
    if (known !== undefined && runtime.clock() < known.until) return known.metadata
    return flights.run('', load)
  }
}

function presetMetadata({ provider, profile }: Upstream): ProviderMetadata | undefined {
  const endpoints = provider.client?.endpoints
  if (endpoints === undefined) return undefined
  const { authorization, token, userinfo, revocation } = endpoints
  return defined({
    issuer: provider.issuer,
    authorization_endpoint: authorization,
    token_endpoint: token,
    userinfo_endpoint: userinfo,
    revocation_endpoint: revocation,
    jwks_uri: profile.jwksUri,
  })
}

async function fetchMetadata(
  { provider: { issuer }, profile }: Upstream,
  outgoing: GuardedFetchOptions,
): Promise<ProviderMetadata> {
  const urls = authorizationServerMetadataUrls(issuer)
  // Where OpenID Connect puts it comes first.
  if (profile.protocol === 'oidc') urls.reverse()
  try {
    const document = await discoverAuthorizationServer(issuer, outgoing, urls)
    const metadata = parseAuthorizationServerMetadata(document)
    const { authorization_endpoint: authorization = '', token_endpoint: token = '' } = metadata
    for (const endpoint of [authorization, token]) checkUrl(endpoint, outgoing)
    return { ...metadata, authorization_endpoint: authorization, token_endpoint: token }
  } catch (error) {
    // In our own words for the client: what the provider is called is not its business.
    throw attribute(
      new UnavailableError('The identity provider cannot be used at the moment'),
      'metadata',
      error,
    )
  }
}
