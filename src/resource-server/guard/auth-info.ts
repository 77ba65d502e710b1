import type { AuthInfo, UpstreamToken, VerifiedToken } from '../../types.ts'

/**
 * Who is calling, as the handler gets it. Frozen, because one object serves all requests with this token. Token and response headers are not enumerable, so
 * that nobody logs or copies them by accident.
 */
export function createAuthInfo(
  token: string,
  verified: VerifiedToken,
  resource: string,
  granted: ReadonlySet<string>,
): AuthInfo<never> {
  const { issuer, clientId, expiresAt, claims, props, responseHeaders } = verified
  // A verifier of one's own may say nobody as `''` or `null`; as a name it would be one user for all.
  const subject = verified.subject || undefined
  deepFreeze(claims)
  const auth = {
    clientId,
    scopes: Object.freeze([...granted]),
    expiresAt,
    // A URL cannot be frozen, so each look gets its own.
    get resource(): URL {
      return new URL(resource)
    },
    extra: Object.freeze({ issuer, subject, claims, props }),
    issuer,
    subject,
    claims,
    props,
  }
  hide(auth, 'token', token)
  hide(auth, 'hasScope', (scope: string) => granted.has(scope))
  hide(auth, 'upstream', () => upstream(verified))
  if (responseHeaders !== undefined) hide(auth, 'responseHeaders', responseHeaders)
  return Object.freeze(auth) as unknown as AuthInfo<never>
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value })
}

async function upstream(verified: VerifiedToken): Promise<UpstreamToken> {
  if (verified.upstream !== undefined) return verified.upstream()
  throw new Error('There is no upstream token')
}

/** What JSON is made of; anything else is the application's own and stays as it is. */
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return
  Object.freeze(value)
  for (const each of Object.values(value)) deepFreeze(each)
}
