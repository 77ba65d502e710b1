import { isJsonObject } from '../../lib/json.ts'
import type { AuthInfo, ExchangeTarget, UpstreamToken, VerifiedToken } from '../../types.ts'
import { compareScopes } from './scopes.ts'

/**
 * The `auth` that the handler gets. Frozen, because one object serves all requests with this token. Token and
 * response headers are not enumerable, so that they are not logged or copied by accident.
 */
export function createAuthInfo(
  token: string,
  verified: VerifiedToken,
  resource: string,
  carried: ReadonlySet<string>,
  exchange?: (auth: AuthInfo, target: ExchangeTarget) => Promise<UpstreamToken>,
): AuthInfo<never> {
  const { issuer, clientId, expiresAt, claims, props, responseHeaders } = verified
  // A custom verifier may return `''` or `null` if there is no user. As a subject it would be one user for
  // all of them.
  const subject = verified.subject || undefined
  deepFreeze(claims)
  const auth = {
    clientId,
    scopes: Object.freeze([...carried]),
    expiresAt,
    // A URL cannot be frozen, so each read returns a new one.
    get resource(): URL {
      return new URL(resource)
    },
    extra: Object.freeze({ issuer, subject, claims, props }),
    issuer,
    subject,
    claims,
    props,
    choices: Object.freeze(verified.choices ?? readChoices(claims)),
  }
  defineHidden(auth, 'token', token)
  defineHidden(auth, 'hasScope', (scope: string) => compareScopes(carried, [scope]).sufficient)
  defineHidden(
    auth,
    'upstream',
    verified.upstream?.bind(verified) ??
      absent('upstream token: see `signIn` and `links` of createAuthorizationServer'),
  )
  defineHidden(
    auth,
    'link',
    verified.link?.bind(verified) ?? absent('account to link: see `links` of createAuthorizationServer'),
  )
  defineHidden(
    auth,
    'exchange',
    verified.exchange?.bind(verified) ??
      exchange?.bind(undefined, auth as unknown as AuthInfo) ??
      absent('token exchange: see `exchange` of createResourceServer'),
  )
  if (responseHeaders !== undefined) defineHidden(auth, 'responseHeaders', responseHeaders)
  return Object.freeze(auth) as unknown as AuthInfo<never>
}

/** The claim of Tollgate's authorization server, at another resource server than the one beside it. */
function readChoices({ choices }: VerifiedToken['claims']): Readonly<Record<string, string>> {
  const isChoices = isJsonObject(choices) && Object.values(choices).every((each) => typeof each === 'string')
  return isChoices ? (choices as Record<string, string>) : {}
}

/** For a token whose verifier offers nothing of this kind. */
const absent = (what: string) => (): Promise<never> => Promise.reject(new Error(`There is no ${what}`))

function defineHidden(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value })
}

/**
 * Freezes what JSON consists of. Objects of a class are the application's own and stay as they are.
 * Iterative:
 * claims may be nested deeper than the call stack is.
 */
function deepFreeze(root: unknown): void {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) continue
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) continue
    Object.freeze(value)
    for (const each of Object.values(value)) open.push(each)
  }
}
