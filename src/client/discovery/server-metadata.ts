import type { AuthorizationServer } from 'oauth4webapi'
import { parseAuthorizationServerMetadata } from '../../protocol/metadata-parse.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { checkUrl, isPublic } from '../../http/guarded-fetch.ts'
import { canonicalResource } from '../../protocol/resource.ts'
import { authorizationServerMetadataUrls } from '../../protocol/well-known.ts'
import type { ClientQuirks } from '../../types.ts'
import type { ClientContext } from '../context.ts'
import { isVouchedFor } from './entry.ts'
import { MismatchError, refused } from '../errors.ts'
import type { Look } from './look.ts'

/**
 * The metadata of an authorization server: RFC 8414, then OpenID Connect, at the URLs and in the order of MCP. Its `issuer`
 * is one of the expected strings, compared as they are (RFC 8414 §3.3). Undefined where there is no document.
 */
export async function findServerMetadata(
  context: ClientContext,
  look: Look,
  issuer: string,
  expected: readonly string[] = [issuer],
): Promise<AuthorizationServerMetadata | undefined> {
  // RFC 8414 §2: with a query or a fragment the URL below would be a document that anybody may have put on the host. What is not written
  // plainly (`https://honest.test@evil.test`) would be shown to the person as somebody else.
  if (canonicalResource(issuer) === undefined || issuer.includes('?'))
    throw refused(
      'invalid_response',
      `The authorization server is named by ${JSON.stringify(issuer)}, which is not a plain URL without query and fragment`,
    )
  const quirks = context.quirks(issuer)
  if (quirks.endpoints !== undefined) return preset(issuer, quirks.endpoints)
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const document = await look.at(url)
    if (document === undefined) continue
    const metadata = withUsableEndpoints(parseAuthorizationServerMetadata(document))
    checkEndpoint(context, issuer, metadata.authorization_endpoint)
    checkEndpoint(context, issuer, metadata.token_endpoint)
    checkEndpoint(context, issuer, metadata.registration_endpoint)
    if (!expected.includes(metadata.issuer))
      throw new MismatchError(
        'issuer_mismatch',
        `The metadata at ${url} are of the issuer ${JSON.stringify(metadata.issuer)}, expected ${JSON.stringify(issuer)}: both are compared as they are written`,
        { received: metadata.issuer, expected: issuer, documentUrl: url },
      )
    return quirks.assumeS256 ? { ...metadata, code_challenge_methods_supported: ['S256'] } : metadata
  }
  return undefined
}

/** An endpoint that is no URL is none. */
function withUsableEndpoints(metadata: AuthorizationServerMetadata): AuthorizationServerMetadata {
  const members = Object.entries(metadata).filter(
    ([name, value]) => !name.endsWith('_endpoint') || URL.canParse(String(value)),
  )
  return Object.fromEntries(members) as unknown as AuthorizationServerMetadata
}

/**
 * SSRF: addresses on this machine and origins in `dangerouslyAllowOrigins` are named only by an issuer that is there itself. A public one
 * would have us send requests of its choice inside. Throws BlockedAddressError.
 */
export function checkEndpoint(context: ClientContext, issuer: string, endpoint: string | undefined): void {
  if (endpoint !== undefined && isPublic(issuer) && !isVouchedFor(context, issuer)) checkUrl(endpoint)
}

const preset = (
  issuer: string,
  { authorization, token, revocation }: NonNullable<ClientQuirks['endpoints']>,
): AuthorizationServerMetadata => ({
  issuer,
  authorization_endpoint: authorization,
  token_endpoint: token,
  ...(revocation === undefined ? {} : { revocation_endpoint: revocation }),
  code_challenge_methods_supported: ['S256'],
})

/** MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery. PKCE was required of every server of that revision. */
export const defaultEndpoints = (origin: string): AuthorizationServerMetadata => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  code_challenge_methods_supported: ['S256'],
})

/** The document as oauth4webapi takes it: the same members. */
export const asServer = (metadata: AuthorizationServerMetadata): AuthorizationServer =>
  metadata as AuthorizationServer
