import { OAuthError } from '../../errors.ts'
import { formatScope, parseScope } from '../../protocol/scope.ts'
import type { Context } from './context.ts'
import { identityScopes } from './options.ts'

type Scopes = Pick<Context, 'scopes' | 'provider'>

/**
 * The scopes of a request as the provider knows them: the known ones of those that are asked for (RFC 6749
 * §3.3), or all. Never one of OpenID Connect: the issuer of an ID token would not be the one that the client
 * knows. Throws `invalid_scope`.
 */
export function scopeForProvider({ scopes, provider }: Scopes, asked = ''): string {
  const parsed = parseScope(asked)
  if (asked.length > 4096 || parsed === undefined) throw new OAuthError('invalid_scope', 'scope is malformed')
  const wanted = parsed.filter((each) => scopes.has(each) || !passedOver.includes(each))
  const known = wanted.filter((each) => scopes.has(each))
  if (known.length < 1 && wanted.length > 0)
    throw new OAuthError('invalid_scope', 'None of these scopes exists here', {
      expected: [...scopes.keys()].join(' '),
    })
  const names = (known.length > 0 ? known : [...scopes.keys()]).map((each) => scopes.get(each)!)
  // Refresh tokens come with a scope of their own, which few clients ask for.
  const offline = provider.signIn?.offlineScope
  return formatScope(new Set(offline === undefined ? names : [...names, offline]))
}

const passedOver = [...identityScopes, 'offline_access']

/** The scopes of the provider's answer as the client knows them. Undefined if the answer names none. */
export function scopeForClient(
  { scopes, provider }: Scopes,
  answered: string | undefined,
): string | undefined {
  if (answered === undefined) return undefined
  const granted = answered.split(provider.signIn?.scopeSeparator ?? ' ')
  // Some answer with the name that they were asked for, some with the name that the token carries.
  const known = [...scopes].filter(([name, there]) => granted.includes(there) || granted.includes(name))
  return formatScope(known.map(([name]) => name))
}
