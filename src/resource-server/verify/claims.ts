import { valueAt } from '../../lib/json.ts'
import { sameResource } from '../../protocol/resource.ts'
import type { AudienceRule } from '../../types.ts'

type Claims = Readonly<Record<string, unknown>>

/**
 * Audience check: whether the token was issued for this resource. Values are compared exactly, not by prefix
 * or
 * origin (G16).
 */
export function meetsAudience(
  claims: Claims,
  rule: AudienceRule,
  resource: string,
  strict: boolean = false,
): boolean {
  const { aud } = claims
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (rule !== 'resource' && 'claim' in rule) {
    const value = claims[rule.claim]
    if (typeof value !== 'string' || !rule.equals.includes(value)) return false
    // Confused deputy: the client may also hold tokens for other servers, and those say so in `aud`.
    if (audiences.some((each) => isUrl(each) && !sameResource(each, resource))) return false
    return rule.aud === undefined || audiences.some((each) => rule.aud!.includes(each as string))
  }
  const fits = (value: unknown): boolean =>
    typeof value === 'string' &&
    (rule === 'resource' ? value === resource || sameResource(value, resource) : rule.aud.includes(value))
  return audiences.length > 0 && (strict ? audiences.every(fits) : audiences.some(fits))
}

/** The expected and the received audience, for the error. */
export function audienceMismatch(
  claims: Claims,
  rule: AudienceRule,
  resource: string,
): { expected: string; received: unknown } {
  if (rule === 'resource') return { expected: resource, received: claims['aud'] }
  if (!('claim' in rule)) return { expected: rule.aud.join(' or '), received: claims['aud'] }
  return { expected: `${rule.claim} ${rule.equals.join(' or ')}`, received: claims[rule.claim] }
}

const isUrl = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z][a-z0-9+.-]*:\/\//i.test(value)

/**
 * The claims that name the kind of a token: Casdoor (`tokenType`), SimpleJWT (`token_type`), Keycloak
 * (`typ`), Descope (`drn`), and others.
 */
const kindClaims = ['token_use', 'token_type', 'tokenType', 'typ', 'type', 'use', 'drn']

/** Whether the token says of itself that it is an ID, refresh or logout token. */
export const namesAnotherToken = (claims: Claims): boolean =>
  kindClaims.some((name) => {
    const kind = claims[name]
    return typeof kind === 'string' && /^(?:(?:id|refresh|offline|logout)(?:[ _-]?token)?|dsr)$/i.test(kind)
  })

/** The scopes at these dotted paths, each a space-separated string (RFC 6749 §3.3) or an array of strings. */
export function readScopes(claims: Claims, paths: readonly string[] = ['scope', 'scp']): string[] {
  const found = new Set<string>()
  for (const path of paths) {
    const value = valueAt(claims, path)
    const scopes = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
    for (const scope of scopes) if (typeof scope === 'string' && scope !== '') found.add(scope)
  }
  return [...found]
}

/** The first of these claims that names a client. */
export function readClientId(
  claims: Claims,
  names: readonly string[] = ['client_id', 'azp', 'cid', 'appid'],
): string | undefined {
  for (const name of names) {
    const value = claims[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}
