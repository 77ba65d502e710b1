import type { Access } from '../grants.ts'

/** Every scope in it, once: on the wire a scope does not tell of which resource it is. */
export const scopesOf = (access: Access): string[] => [...new Set(Object.values(access).flat())]

/**
 * What is left of it. A resource of which nothing is left is not part of it any more (RFC 8707 §2.2); one
 * without scopes stays.
 */
export function narrowAccess(access: Access, keep: (scope: string, resource: string) => boolean): Access {
  const left = Object.entries(access).map(([resource, scopes]) => {
    const kept = scopes.filter((scope) => keep(scope, resource))
    return kept.length === 0 && scopes.length > 0 ? [] : [[resource, kept] as const]
  })
  return Object.fromEntries(left.flat())
}
