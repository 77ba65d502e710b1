import type { Connection } from '../connection.ts'
import { findPreregistered, isConfiguredIssuer } from '../discovery/preregistered.ts'
import { serverError } from '../../http/answers.ts'
import { digestOf } from '../record-keys.ts'

/**
 * Redirect per issuer, against mix-up (RFC 9700 §4.4): a hostile authorization server sends the browser to an
 * honest one and waits for its code. If the honest server sends `iss`, that stops it (§4.4.2.1). If it does
 * not, each issuer gets a redirect URI of its own (§4.4.2.2), whose path ends with this segment. Undefined:
 * `iss` is sent, or only one redirect URI can be registered.
 */
export async function issuerSegment(connection: Connection): Promise<string | undefined> {
  const { context, server, found } = connection
  if (found.metadata.authorization_response_iss_parameter_supported) return undefined
  if (findPreregistered(context, server, found.issuer) !== undefined || usesDocument(connection))
    return undefined
  return (await digestOf('issuer', found.issuer)).slice(0, 16)
}

const segmentPattern = /^[\w-]{16}$/

/** The redirect URI with the segment at the end of its path; unchanged without one. */
export function withSegment(uri: string, segment: string | undefined): string {
  if (segment === undefined) return uri
  const [path, ...query] = uri.split('?')
  return [`${path!.replace(/\/$/, '')}/${segment}`, ...query].join('?')
}

/** Whether this is the path of the redirect URI, with or without a segment. */
export function isCallbackPath(path: string, redirect: string): boolean {
  const base = new URL(redirect).pathname
  if (path === base) return true
  const below = base.endsWith('/') ? base : `${base}/`
  return path.startsWith(below) && segmentPattern.test(path.slice(below.length))
}

/**
 * Whether the client's metadata document is its identity. The document lists fixed redirect URIs, so the
 * issuer must be one that cannot be mixed up.
 */
export function usesDocument(connection: Connection): boolean {
  const { clientMetadataUrl, grant } = connection.context.options
  const { client_id_metadata_document_supported: supported, registration_endpoint: registration } =
    connection.found.metadata
  if (clientMetadataUrl === undefined || !supported) return false
  // Without a user there is no redirect.
  if (registration === undefined || grant !== undefined) return true
  return !mayBeMixedUp(connection) && foreignEndpointOrigin(connection) === undefined
}

/**
 * Mix-up: several issuers share a redirect URI, and this one sends no `iss`. Its endpoints must lie at its
 * own origin or at one that the application lists, so it cannot name the honest page. It could still redirect
 * the browser from its own page to that of an issuer in `clients`, whose client id is known, and get that
 * code: if there is such an issuer, the application has to name this one, too.
 */
export function requireOwnEndpoints(connection: Connection): void {
  const { issuer } = connection.found
  if (mayBeMixedUp(connection))
    throw serverError(
      'shared_redirect',
      `${issuer} sends no "iss" and would share its redirect URI with the issuers in "clients" (mix-up); ` +
        'if you trust it, add an entry for it to "clients"',
    )
  const origin = foreignEndpointOrigin(connection)
  if (origin === undefined) return
  throw serverError(
    'foreign_endpoint',
    `${issuer} sends no "iss", shares its redirect URI with other issuers, and has an endpoint at ` +
      `${origin}; if that is right, add the origin to "endpointOrigins" of its entry in "clients", ` +
      'or use a "redirect" that supports "segment"',
  )
}

function mayBeMixedUp({ context, found: { issuer, metadata } }: Connection): boolean {
  if (metadata.authorization_response_iss_parameter_supported || isConfiguredIssuer(context, issuer))
    return false
  return context.options.clients.length > 0
}

/** The origin of an endpoint that is neither the issuer's own nor listed. */
function foreignEndpointOrigin({ context, server, found }: Connection): string | undefined {
  const { issuer, metadata } = found
  const quirks = context.quirksOf(issuer)
  // Endpoints of a preset do not come from the server.
  if (metadata.authorization_response_iss_parameter_supported || quirks.endpoints !== undefined)
    return undefined
  const allowed = [
    new URL(issuer).origin,
    ...(quirks.endpointOrigins ?? []),
    ...(findPreregistered(context, server, issuer)?.endpointOrigins ?? []),
  ]
  return [metadata.authorization_endpoint, metadata.token_endpoint]
    .filter((endpoint) => endpoint !== undefined)
    .map((endpoint) => new URL(endpoint).origin)
    .find((origin) => !allowed.includes(origin))
}
