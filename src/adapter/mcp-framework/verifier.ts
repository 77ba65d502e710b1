import { InvalidTokenError, isOAuthError, UnavailableError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import { attribute, resolveRuntime } from '../../lib/runtime.ts'
import { callPartWithin } from '../../lib/within.ts'
import type { AuthorizationServer, Awaitable, VerifiedToken } from '../../types.ts'

/**
 * A token is good if `valid` is true; `data` is added to its claims, and replaces none of them. If it throws
 * or takes more than 10 s, the answer is 503.
 */
export type CustomValidator = (
  token: string,
) => Awaitable<{ valid: boolean; data?: Readonly<Record<string, unknown>> | undefined }>

/**
 * A server whose good tokens are also judged by `customValidator`, and kept for at most `ttl` seconds. The
 * validator narrows: it is not asked about a token that the server refuses.
 */
export function narrowed(
  server: AuthorizationServer,
  { customValidator, ttl }: { customValidator: CustomValidator | undefined; ttl: number },
): AuthorizationServer {
  return {
    ...server,
    verifier(resource, runtime) {
      const inner = server.verifier(resource, runtime)
      const { clock } = resolveRuntime(runtime)
      return {
        ...defined({ accepts: inner.accepts?.bind(inner), ready: inner.ready?.bind(inner) }),
        async verify(token, jws) {
          const verified = await inner.verify(token, jws)
          const { expiresAt, cacheUntil = expiresAt } = verified
          const claims = await judgedBy(customValidator, token, verified)
          return { ...verified, claims, cacheUntil: Math.min(cacheUntil, clock() + ttl) }
        },
      }
    },
  }
}

async function judgedBy(
  validate: CustomValidator | undefined,
  token: string,
  { claims }: VerifiedToken,
): Promise<VerifiedToken['claims']> {
  if (validate === undefined) return claims
  const { valid, data } = await answerOf(() => validate(token))
  if (valid !== true) throw new InvalidTokenError('customValidator does not accept the token')
  return { ...data, ...claims }
}

/** What it throws may quote the token, and says nothing about it. */
async function answerOf(
  ask: () => ReturnType<CustomValidator>,
): Promise<Awaited<ReturnType<CustomValidator>>> {
  try {
    return { ...(await callPartWithin('customValidator', ask)) }
  } catch (error) {
    if (isOAuthError(error)) throw error
    throw attribute(new UnavailableError('The token could not be judged'), 'customValidator', error)
  }
}
