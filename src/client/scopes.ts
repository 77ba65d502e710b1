import { isScopeToken, parseScope } from '../protocol/scope.ts'
import type { ServerRecord } from './storage/records.ts'

/**
 * What to ask for (MCP, Scope Selection Strategy): the challenge's scopes, else all that the resource names, else what the
 * host configured, else nothing; together with what was asked before (Step-Up Authorization Flow). Undefined: leave it out.
 */
export function selectScopes(
  { scopesSupported, metadata }: ServerRecord,
  challenged: string | undefined,
  configured: readonly string[] | undefined,
  before: readonly string[] = [],
): string[] | undefined {
  const named = challenged === undefined ? undefined : legal(challenged)
  const chosen = [named, scopesSupported].find((scopes) => scopes?.some((scope) => scope !== offline))
  // It is no business of the resource's (SEP-2207); the host may know better.
  const wanted = chosen?.filter((scope) => scope !== offline) ?? configured ?? []
  const scopes = new Set([...before, ...wanted].filter(isScopeToken))
  if (scopes.size === 0) return undefined
  // A refresh token may need it; asked for only where the server lists it.
  if (metadata.scopes_supported?.includes(offline)) scopes.add(offline)
  return [...scopes]
}

/**
 * What a grant without a person asks for: never more than the host configured, because nobody sees the request. If nothing of
 * what is wanted was configured, what was configured.
 */
export function withinConfigured(
  wanted: string[] | undefined,
  configured: readonly string[] | undefined,
): string[] | undefined {
  if (configured === undefined) return wanted
  const within = wanted?.filter((scope) => configured.includes(scope)) ?? []
  const scopes = within.length > 0 ? within : [...configured]
  return scopes.length > 0 ? scopes : undefined
}

/** What the resource may want at some time; a registration that covers it need not be repeated. */
export const resourceScopes = ({ scopesSupported }: ServerRecord): string[] =>
  scopesSupported?.filter((scope) => scope !== offline && isScopeToken(scope)) ?? []

const offline = 'offline_access'

/** A challenge's scopes; none if it is malformed. */
export const legal = (text: string): string[] => parseScope(text.trim()) ?? []
