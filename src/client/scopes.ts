import { isScopeToken, parseScope } from '../protocol/scope.ts'
import type { ServerRecord, TokenRecord } from './records.ts'

/**
 * The scopes to request (MCP, Scope Selection Strategy): the challenge's, else all that the resource lists,
 * else those that are configured, else none; united with `before`, what was requested earlier (Step-Up
 * Authorization Flow). Undefined: leave the parameter out.
 */
export function selectScopes(
  { scopesSupported, metadata }: ServerRecord,
  challenged: string | undefined,
  configured: readonly string[] | undefined,
  before: readonly string[] = [],
): string[] | undefined {
  const named = challenged === undefined ? undefined : parseScopes(challenged)
  const chosen = [named, scopesSupported].find((scopes) => scopes?.some((scope) => scope !== offline))
  // `offline_access` is not for the resource to request (SEP-2207); the application may.
  const wanted = chosen?.filter((scope) => scope !== offline) ?? configured ?? []
  // Scope union: a step-up must not lose what the user approved before.
  const scopes = new Set([...before, ...wanted].filter(isScopeToken))
  if (scopes.size === 0) return undefined
  // A refresh token may need it; requested only if the server lists it.
  if (metadata.scopes_supported?.includes(offline)) scopes.add(offline)
  return [...scopes]
}

/**
 * What a grant without a user requests: never more than the configured scopes, because no user sees the
 * request. If none of the wanted scopes is configured, all that are configured.
 */
export function limitToConfigured(
  wanted: string[] | undefined,
  configured: readonly string[] | undefined,
): string[] | undefined {
  if (configured === undefined) return wanted
  const allowed = wanted?.filter((scope) => configured.includes(scope)) ?? []
  const scopes = allowed.length > 0 ? allowed : [...configured]
  return scopes.length > 0 ? scopes : undefined
}

/** What was requested or granted: a step-up that stays within these would bring nothing new. */
export const requestedScopes = ({ asked = [], granted = [] }: Partial<TokenRecord> = {}): string[] => [
  ...asked,
  ...granted,
]

export const includesAll = (scopes: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((scope) => scopes.includes(scope))

/** What the resource may want at some time; a registration that covers it need not be repeated. */
export const resourceScopes = ({ scopesSupported }: ServerRecord): string[] =>
  scopesSupported?.filter((scope) => scope !== offline && isScopeToken(scope)) ?? []

const offline = 'offline_access'

/** The scopes of a challenge or an answer; none if it is malformed. */
export const parseScopes = (text: string): string[] => parseScope(text.trim()) ?? []
