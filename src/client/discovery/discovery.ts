import { defined } from '../../lib/defined.ts'
import { isOAuthError, isUnavailableError, OAuthError, UnavailableError } from '../../errors.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import type { ProtectedResourceMetadata } from '../../protocol/metadata.ts'
import type { ClientContext } from '../context.ts'
import { MismatchError } from '../errors.ts'
import { type ServerRecord } from '../records.ts'
import { createMetadataReader, type MetadataReader } from './metadata-reader.ts'
import { findPreregistered } from './preregistered.ts'
import { findResourceMetadata } from './resource-metadata.ts'
import { defaultEndpoints, findServerMetadata } from './server-metadata.ts'
import { withoutQuery } from '../urls.ts'

/**
 * Finds who issues tokens for this MCP server. `announced` is the challenge's `resource_metadata`. `known` is
 * the issuer from last time: as long as the server lists it, its outage does not lead to another one.
 */
export async function discover(
  context: ClientContext,
  server: string,
  announced?: string,
  known?: string,
): Promise<ServerRecord> {
  try {
    return await findServer(context, createMetadataReader(context, server), server, announced, known)
  } catch (error) {
    if (isOAuthError(error)) context.runtime.event(failureEvent(error, server))
    throw error
  }
}

/** Says in a log which side is wrong. */
function failureEvent(error: OAuthError, server: string): NewEvent {
  const { received, expected } = error instanceof MismatchError ? error : {}
  return {
    type: 'client.discovery-failed',
    level: 'warning',
    resource: withoutQuery(server),
    error: error.code,
    received,
    expected,
    detail: error.message,
  }
}

async function findServer(
  context: ClientContext,
  reader: MetadataReader,
  server: string,
  announced: string | undefined,
  known: string | undefined,
): Promise<ServerRecord> {
  const document = await findResourceMetadata(reader, server, announced)
  const issuers = document?.authorization_servers ?? []
  if (document === undefined || issuers.length === 0)
    return { ...describeResource(document), ...(await findAtOrigin(context, reader, server)) }
  let problem: unknown
  for (const issuer of orderIssuers(context, issuers, known)) {
    try {
      findPreregistered(context, server, issuer)
      const metadata = await findServerMetadata(context, reader, issuer)
      if (metadata !== undefined) return { ...describeResource(document), issuer, metadata }
      problem ??= noMetadata(reader, server)
    } catch (error) {
      if (issuer === known && isUnavailableError(error)) throw error
      // Another of the listed servers may be usable; if none is, the first problem is reported.
      problem ??= error instanceof Error ? error : new UnavailableError('Discovery failed')
    }
  }
  throw problem
}

/** How many of the listed servers are tried: the list comes from outside. */
const maxServers = 8

/** The issuer from last time comes first, then those that have an entry in `clients`. */
function orderIssuers({ options }: ClientContext, issuers: readonly string[], known?: string): string[] {
  const before = issuers.filter((issuer) => issuer === known)
  const registered = issuers.filter((issuer) => options.clients.some((client) => client.issuer === issuer))
  return [...new Set([...before, ...registered, ...issuers])].slice(0, maxServers)
}

/** Revision 2025-03-26: the MCP server's origin is the authorization server. */
async function findAtOrigin(
  context: ClientContext,
  reader: MetadataReader,
  server: string,
): Promise<Pick<ServerRecord, 'issuer' | 'metadata'>> {
  const { origin } = new URL(server)
  // No document names this issuer; for an empty path both spellings are the same URL.
  const metadata = await findServerMetadata(context, reader, origin, [origin, `${origin}/`])
  findPreregistered(context, server, metadata?.issuer ?? origin)
  if (metadata !== undefined) return { issuer: metadata.issuer, metadata }
  if (context.options.allowDefaultEndpoints) return { issuer: origin, metadata: defaultEndpoints(origin) }
  throw noMetadata(reader, server)
}

const noMetadata = ({ requested }: MetadataReader, server: string): Error =>
  new MismatchError(
    'no_metadata',
    `No document says who issues tokens for ${withoutQuery(server)}; requested: ${requested.join(', ')}`,
    { received: requested.at(-1), expected: 'metadata of an authorization server' },
  )

const describeResource = (
  document: ProtectedResourceMetadata | undefined,
): Omit<ServerRecord, 'issuer' | 'metadata'> =>
  defined({
    resource: document?.resource,
    scopesSupported: document?.scopes_supported,
    dpopRequired: document?.dpop_bound_access_tokens_required || undefined,
  })
