import { defined } from '../../lib/defined.ts'
import type { AuthorizationServer } from 'oauth4webapi'
import { parseAuthorizationServerMetadata } from '../../protocol/metadata-parse.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { serverError } from '../../http/answers.ts'
import { checkUrl, isPublic } from '../../http/guarded-fetch.ts'
import { canonicalResource } from '../../protocol/resource.ts'
import { authorizationServerMetadataUrls } from '../../protocol/well-known.ts'
import type { ClientQuirks } from '../../types.ts'
import type { ClientContext } from '../context.ts'
import { MismatchError } from '../errors.ts'
import type { MetadataReader } from './metadata-reader.ts'
import { isConfiguredIssuer } from './preregistered.ts'

/**
 * The metadata of an authorization server: RFC 8414, then OpenID Connect, at the URLs and in the order of
 * MCP. Its `issuer` is one of the `expected` strings, compared exactly (RFC 8414 §3.3). Undefined if there is
 * no document.
 */
export async function findServerMetadata(
  context: ClientContext,
  reader: MetadataReader,
  issuer: string,
  expected: readonly string[] = [issuer],
): Promise<AuthorizationServerMetadata | undefined> {
  // RFC 8414 §2: with a query or a fragment the URL below could be a document of another user of the host. A
  // URL that is not written plainly (`https://honest.test@evil.test`) would look to the user like another
  // host.
  if (canonicalResource(issuer) === undefined || issuer.includes('?'))
    throw serverError(
      'invalid_response',
      `The issuer must be a plain URL without query and fragment; got ${JSON.stringify(issuer)}`,
    )
  const quirks = context.quirksOf(issuer)
  if (quirks.endpoints !== undefined) return presetMetadata(issuer, quirks.endpoints)
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const document = await reader.read(url)
    if (document === undefined) continue
    const metadata = withUsableEndpoints(parseAuthorizationServerMetadata(document))
    checkEndpoint(context, issuer, metadata.authorization_endpoint)
    checkEndpoint(context, issuer, metadata.token_endpoint)
    checkEndpoint(context, issuer, metadata.registration_endpoint)
    if (!expected.includes(metadata.issuer))
      throw new MismatchError(
        'issuer_mismatch',
        `The metadata at ${url} are of the issuer ${JSON.stringify(metadata.issuer)}, expected ` +
          `${JSON.stringify(issuer)}: both are compared as they are written`,
        { received: metadata.issuer, expected: issuer, documentUrl: url },
      )
    return quirks.assumeS256 ? { ...metadata, code_challenge_methods_supported: ['S256'] } : metadata
  }
  return undefined
}

/** An endpoint that is not a URL counts as absent. */
function withUsableEndpoints(metadata: AuthorizationServerMetadata): AuthorizationServerMetadata {
  const members = Object.entries(metadata).filter(
    ([name, value]) => !name.endsWith('_endpoint') || URL.canParse(String(value)),
  )
  return Object.fromEntries(members) as unknown as AuthorizationServerMetadata
}

/**
 * SSRF: a public issuer that the application does not name must not have endpoints on this machine or in
 * `dangerouslyAllowOrigins`: it would make us send requests of its choice there. Throws BlockedAddressError.
 */
export function checkEndpoint(context: ClientContext, issuer: string, endpoint: string | undefined): void {
  if (endpoint !== undefined && isPublic(issuer) && !isConfiguredIssuer(context, issuer)) checkUrl(endpoint)
}

const presetMetadata = (
  issuer: string,
  { authorization, token, revocation }: NonNullable<ClientQuirks['endpoints']>,
): AuthorizationServerMetadata =>
  defined({
    issuer,
    authorization_endpoint: authorization,
    token_endpoint: token,
    revocation_endpoint: revocation,
    code_challenge_methods_supported: ['S256'],
  })

/**
 * MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery. PKCE was required of every server of that
 * revision.
 */
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
