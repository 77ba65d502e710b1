import { OAuthError, UnavailableError } from '../../errors.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import type { ProtectedResourceMetadata } from '../../protocol/metadata.ts'
import type { ClientContext } from '../context.ts'
import { MismatchError } from '../errors.ts'
import { startLook, type Look } from './look.ts'
import { withoutQuery } from '../outgoing.ts'
import { entryFor } from './entry.ts'
import type { ServerRecord } from '../storage/records.ts'
import { findResourceMetadata } from './resource-metadata.ts'
import { defaultEndpoints, findServerMetadata } from './server-metadata.ts'

/**
 * Who issues tokens for this MCP server. `announced` is the challenge's `resource_metadata`; `known` is the issuer that we dealt
 * with before: where the server still lists it, an outage there is no reason to go elsewhere.
 */
export async function discover(
  context: ClientContext,
  server: string,
  announced?: string,
  known?: string,
): Promise<ServerRecord> {
  try {
    return await find(context, startLook(context, server), server, announced, known)
  } catch (error) {
    if (error instanceof OAuthError) context.runtime.event(failure(error, server))
    throw error
  }
}

/** Enough to see from a log which side is wrong. */
function failure(error: OAuthError, server: string): NewEvent {
  const { received, expected } = error instanceof MismatchError ? error : {}
  return {
    type: 'client.discovery-failed',
    level: 'warning',
    resource: withoutQuery(server),
    error: error.code,
    ...(received === undefined ? {} : { received }),
    ...(expected === undefined ? {} : { expected }),
    detail: error.message,
  }
}

async function find(
  context: ClientContext,
  look: Look,
  server: string,
  announced: string | undefined,
  known: string | undefined,
): Promise<ServerRecord> {
  const document = await findResourceMetadata(look, server, announced)
  const issuers = document?.authorization_servers ?? []
  if (document === undefined || issuers.length === 0)
    return { ...describe(document), ...(await atRoot(context, look, server)) }
  let problem: unknown
  for (const issuer of preferred(context, issuers, known)) {
    try {
      entryFor(context, server, issuer)
      const metadata = await findServerMetadata(context, look, issuer)
      if (metadata !== undefined) return { ...describe(document), issuer, metadata }
      problem ??= noMetadata(look, server)
    } catch (error) {
      if (issuer === known && error instanceof UnavailableError) throw error
      // Another of the listed servers may do; the first problem is the one to tell.
      problem ??= error instanceof Error ? error : new UnavailableError('Discovery failed')
    }
  }
  throw problem
}

/** How many of the listed servers are tried: the list comes from outside. */
const maxServers = 8

/** The one that we dealt with before comes first, then those that we have credentials for. */
function preferred({ options }: ClientContext, issuers: readonly string[], known?: string): string[] {
  const before = issuers.filter((issuer) => issuer === known)
  const registered = issuers.filter((issuer) => options.clients.some((client) => client.issuer === issuer))
  return [...new Set([...before, ...registered, ...issuers])].slice(0, maxServers)
}

/** Revision 2025-03-26: the MCP server's origin is the authorization server. */
async function atRoot(
  context: ClientContext,
  look: Look,
  server: string,
): Promise<Pick<ServerRecord, 'issuer' | 'metadata'>> {
  const { origin } = new URL(server)
  // Nobody wrote this identifier down, and for an empty path both spellings name the same.
  const metadata = await findServerMetadata(context, look, origin, [origin, `${origin}/`])
  entryFor(context, server, metadata?.issuer ?? origin)
  if (metadata !== undefined) return { issuer: metadata.issuer, metadata }
  if (context.options.allowDefaultEndpoints) return { issuer: origin, metadata: defaultEndpoints(origin) }
  throw noMetadata(look, server)
}

const noMetadata = (look: Look, server: string): Error =>
  new MismatchError(
    'no_metadata',
    `No document says who issues tokens for ${withoutQuery(server)}; asked: ${look.asked.join(', ')}`,
    { received: look.asked.at(-1), expected: 'metadata of an authorization server' },
  )

const describe = (
  document: ProtectedResourceMetadata | undefined,
): Omit<ServerRecord, 'issuer' | 'metadata'> => ({
  ...(document === undefined ? {} : { resource: document.resource }),
  ...(document?.scopes_supported === undefined ? {} : { scopesSupported: document.scopes_supported }),
  ...(document?.dpop_bound_access_tokens_required ? { dpopRequired: true } : {}),
})
