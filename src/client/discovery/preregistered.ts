import { OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { serverError } from '../../http/answers.ts'
import { isUnbound } from '../entry-options.ts'
import type { PreregisteredClient } from '../types.ts'
import { covers } from './resource-metadata.ts'
import { withoutQuery } from '../urls.ts'

/**
 * The entry in `clients` for this issuer and MCP server; undefined if the issuer has none.
 *
 * Confused deputy (RFC 9700 §4.9.1): rejects if the entries are for other servers, because a hostile server
 * that names your issuer must not get tokens that are valid elsewhere.
 */
export function findPreregistered(
  { options: { clients, grant }, quirksOf }: ClientContext,
  server: string,
  issuer: string,
): PreregisteredClient | undefined {
  const entries = clients.filter((client) => client.issuer === issuer)
  const entry = entries.find(({ servers }) => servers?.some((each) => covers(each, server)) ?? true)
  // Without a user, nothing but the list decides which server gets such a token.
  const needsEntry = grant !== undefined && isUnbound(quirksOf(issuer))
  if (entry === undefined && (entries.length > 0 || needsEntry))
    throw serverNotAllowed(
      server,
      issuer,
      'no entry in "clients" for that issuer names this server; if you trust it, add it to "servers"',
    )
  return entry
}

/**
 * Whether the application itself names the issuer, in `clients` or in `providers`: then it is not a server's
 * choice.
 */
export const isConfiguredIssuer = (
  { options: { clients, providers } }: ClientContext,
  issuer: string,
): boolean => [...clients, ...providers].some((each) => each.issuer === issuer)

export const serverNotAllowed = (server: string, issuer: string, why: string): OAuthError =>
  serverError('server_not_allowed', `${withoutQuery(server)} wants tokens of ${issuer}, and ${why}`)
