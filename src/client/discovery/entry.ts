import type { ClientContext } from '../context.ts'
import { refused } from '../errors.ts'
import { isUnbound, type PreregisteredClient } from '../options.ts'
import { withoutQuery } from '../outgoing.ts'
import { covers } from './resource-metadata.ts'

/**
 * The entry in `clients` for this issuer and MCP server; undefined if the issuer has none. Rejects if the credentials are for other
 * servers: a server that names somebody else's issuer must not get tokens that are good elsewhere (RFC 9700 §4.9.1).
 */
export function entryFor(
  { options: { clients, grant }, quirks }: ClientContext,
  server: string,
  issuer: string,
): PreregisteredClient | undefined {
  const entries = clients.filter((client) => client.issuer === issuer)
  const entry = entries.find(({ servers }) => servers?.some((each) => covers(each, server)) ?? true)
  // Without a person nobody sees who asks for what.
  const unseen = grant !== undefined && isUnbound(quirks(issuer))
  if (entry === undefined && (entries.length > 0 || unseen))
    throw refused(
      'server_not_allowed',
      `${withoutQuery(server)} wants tokens of ${issuer}, and no entry in "clients" for that issuer names this server; if you trust it, add it to "servers"`,
    )
  return entry
}

/** Whether the host itself names the issuer, in `clients` or in `providers`: it was not a server's choice then. */
export const isVouchedFor = (
  { options: { clients, providers = [] } }: ClientContext,
  issuer: string,
): boolean => [...clients, ...providers].some((each) => each.issuer === issuer)

/** Rejects for an issuer that only the MCP server named: what a grant sends there may be good elsewhere. */
export function requireVouchedFor(context: ClientContext, server: string, issuer: string): void {
  if (!isVouchedFor(context, issuer))
    throw refused(
      'server_not_allowed',
      `${withoutQuery(server)} wants tokens of ${issuer}, which stands neither in "clients" nor in "providers"; if you trust it, add it`,
    )
}
