import type { ClientContext } from '../context.ts'
import { refused } from '../errors.ts'
import { entryFor, isVouchedFor } from '../discovery/entry.ts'
import { digestOf, type ServerRecord } from '../storage/records.ts'

/**
 * Mix-up (RFC 9700 §4.4): a hostile authorization server sends the browser to an honest one and waits for its code. An honest
 * server that sends `iss` stops that (§4.4.2.1). For one that does not, each issuer has a redirect URI of its own (§4.4.2.2): this is
 * the path segment that makes it so. Undefined: `iss` is sent, or only one redirect URI can be registered.
 */
export async function issuerSegment(
  context: ClientContext,
  server: string,
  found: ServerRecord,
): Promise<string | undefined> {
  if (found.metadata.authorization_response_iss_parameter_supported) return undefined
  if (entryFor(context, server, found.issuer) !== undefined || usesDocument(context, server, found))
    return undefined
  return (await digestOf('issuer', found.issuer)).slice(0, 16)
}

const segments = /^[\w-]{16}$/

/** The redirect URI with the segment at the end of its path; as it is without one. */
export function withSegment(uri: string, segment: string | undefined): string {
  if (segment === undefined) return uri
  const [path, ...query] = uri.split('?')
  return [`${path!.replace(/\/$/, '')}/${segment}`, ...query].join('?')
}

/** Whether this is the path of the redirect URI, or that of one with a segment. */
export function isCallbackPath(path: string, redirect: string): boolean {
  const base = new URL(redirect).pathname
  if (path === base) return true
  const below = base.endsWith('/') ? base : `${base}/`
  return path.startsWith(below) && segments.test(path.slice(below.length))
}

/** Whether our metadata document names us. It lists fixed redirect URIs, so it needs an issuer that cannot be mixed up. */
export function usesDocument(context: ClientContext, server: string, found: ServerRecord): boolean {
  const { clientMetadataUrl } = context.options
  const { client_id_metadata_document_supported: supported, registration_endpoint: other } = found.metadata
  if (clientMetadataUrl === undefined || !supported) return false
  // Without a person there is no redirect.
  if (other === undefined || context.options.grant !== undefined) return true
  return !isOneOfSeveral(context, found) && foreignEndpoint(context, server, found) === undefined
}

/**
 * Several issuers share a redirect URI, and this one sends no `iss`. Its endpoints have to lie at its own origin or at one that the host lists,
 * so it cannot name the honest page. It could still redirect the browser from its own page to that of an issuer in `clients`, where our
 * client id is known, and get that one's code: if there is such an issuer, the host has to vouch for this one, too.
 */
export function requireOwnEndpoints(context: ClientContext, server: string, found: ServerRecord): void {
  if (isOneOfSeveral(context, found))
    throw refused(
      'shared_redirect',
      `${found.issuer} sends no "iss" and would share its redirect URI with the issuers in "clients" (mix-up); if you trust it, add an entry for it to "clients"`,
    )
  const foreign = foreignEndpoint(context, server, found)
  if (foreign === undefined) return
  throw refused(
    'foreign_endpoint',
    `${found.issuer} sends no "iss", shares its redirect URI with other issuers, and has an endpoint at ${foreign}; if that is right, add the origin to "endpointOrigins" of its entry in "clients", or give the client a "redirect" that knows "segment"`,
  )
}

function isOneOfSeveral(context: ClientContext, { issuer, metadata }: ServerRecord): boolean {
  if (metadata.authorization_response_iss_parameter_supported || isVouchedFor(context, issuer)) return false
  return context.options.clients.length > 0
}

/** The origin of an endpoint that is neither the issuer's own nor listed. */
function foreignEndpoint(context: ClientContext, server: string, found: ServerRecord): string | undefined {
  const { issuer, metadata } = found
  const quirks = context.quirks(issuer)
  // Endpoints of a preset are not the server's own word.
  if (metadata.authorization_response_iss_parameter_supported || quirks.endpoints !== undefined)
    return undefined
  const listed = [
    new URL(issuer).origin,
    ...(quirks.endpointOrigins ?? []),
    ...(entryFor(context, server, issuer)?.endpointOrigins ?? []),
  ]
  return [metadata.authorization_endpoint, metadata.token_endpoint]
    .filter((endpoint) => endpoint !== undefined)
    .map((endpoint) => new URL(endpoint).origin)
    .find((origin) => !listed.includes(origin))
}
