import type { Access } from '../grants.ts'

/** All scopes, each once: on the wire a scope does not say which resource it is for. */
export const scopesOf = (access: Access): string[] => [...new Set(Object.values(access).flat())]

/**
 * The scopes that `keep` accepts. A resource that loses all its scopes is dropped (RFC 8707 §2.2); one that
 * had none stays.
 */
export function narrowAccess(access: Access, keep: (scope: string, resource: string) => boolean): Access {
  const left = Object.entries(access).map(([resource, scopes]) => {
    const kept = scopes.filter((scope) => keep(scope, resource))
    return kept.length === 0 && scopes.length > 0 ? [] : [[resource, kept] as const]
  })
  return Object.fromEntries(left.flat())
}
