import { ConfigurationError, InvalidTokenError, isOAuthError, UnavailableError } from '../../errors.ts'
import { flag, func, readOptions, seconds, text } from '../../lib/options.ts'
import { attribute, resolveRuntime } from '../../lib/runtime.ts'
import { callPartWithin } from '../../lib/within.ts'
import { sameResource } from '../../protocol/resource.ts'
import type { AuthorizationServer, Awaitable, VerifiedToken } from '../../types.ts'

/** What your own verifier finds in a token. The official SDK's `AuthInfo` is one. */
export interface CustomResult {
  /** Becomes `auth.clientId`. */
  clientId: string
  /** Becomes `auth.scopes`, with what they imply. */
  scopes: readonly string[]
  /** Seconds since the epoch. Default: an hour from now. */
  expiresAt?: number
  /** The user; becomes `auth.subject`. Absent: the client acts for itself. */
  subject?: string
  /**
   * The audience. If it is given it must be this resource; otherwise `verify` must have checked the audience.
   */
  resource?: string | URL
  /** Becomes `auth.claims`. Default: none. */
  claims?: Readonly<Record<string, unknown>>
  /** In place of `claims`, as the official SDK names them. Default: none. */
  extra?: Readonly<Record<string, unknown>>
  /** Becomes `auth.props`. */
  props?: unknown
  /** Becomes `auth.upstream`. Default: it rejects. */
  upstream?: VerifiedToken['upstream']
}

/** Options of {@link customVerifier}. */
export interface CustomVerifierOptions {
  /** The issuer of the tokens; becomes `auth.issuer` and stands in the metadata. */
  issuer: string
  /**
   * Verifies a token for a resource. `undefined` or `null`, an InvalidTokenError, or such an error of the SDK
   * or of jose is 401 `invalid_token`; any other exception is 503, and so is no answer within 10 s. Must check
   * the audience.
   */
  verify: (token: string, context: { resource: string }) => Awaitable<CustomResult | null | undefined>
  /** Which tokens are its own. Default: every token. */
  accepts?: (token: string) => boolean
  /** How long a result may be used again, in seconds, 0–3600; never beyond `expiresAt`. Default 0. */
  ttl?: number
  /** Whether clients can get a token at `issuer`, so that it stands in the metadata. Default true. */
  listed?: boolean
}

/**
 * Your own verifier, for tokens that no other one understands.
 *
 * @throws ConfigurationError if an option is wrong or unknown.
 */
export function customVerifier(options: CustomVerifierOptions): AuthorizationServer {
  const { issuer, verify, accepts, ttl, listed } = readOptions('customVerifier', options, {
    issuer: text().required,
    verify: func().required,
    accepts: func(),
    ttl: seconds({ min: 0, max: 3600 }).default(0),
    listed: flag().default(true),
  })
  return {
    issuer,
    listed,
    verifier(resource, runtime) {
      const { clock } = resolveRuntime(runtime)
      return {
        ...(accepts === undefined ? {} : { accepts: (token: string) => accepts(token) }),
        async verify(token) {
          // `accepts` is not asked before if there is no other verifier.
          if (accepts?.(token) === false)
            throw new InvalidTokenError('The token is not of the kind that this verifier accepts')
          const result = await classified(() => verify(token, { resource }))
          return accepted(result, { issuer, resource, now: clock(), ttl })
        },
      }
    },
  }
}

async function classified<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    return await callPartWithin('customVerifier.verify', work)
  } catch (error) {
    if (isOAuthError(error)) throw error
    // Their messages may quote the token, so they stay here.
    throw saysInvalid(error)
      ? new InvalidTokenError('The token is not valid')
      : attribute(new UnavailableError('The token could not be judged'), 'customVerifier.verify', error)
  }
}

/** The official SDK's errors (`errorCode` in v1, `code` in v2), and jose's about a token. */
function saysInvalid(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, errorCode } = error as { code?: unknown; errorCode?: unknown }
  if (code === 'invalid_token' || errorCode === 'invalid_token') return true
  return typeof code === 'string' && /^ERR_(JW[TSE]_|JOSE_ALG_|JWKS_NO_MATCHING_KEY)/.test(code)
}

function accepted(
  result: CustomResult | null | undefined,
  context: { issuer: string; resource: string; now: number; ttl: number },
): VerifiedToken {
  const { issuer, resource, now, ttl } = context
  if (typeof result !== 'object' || result === null) throw new InvalidTokenError('The token is not known')
  if (result.resource !== undefined && !sameResource(String(result.resource), resource))
    throw new InvalidTokenError('The token is for another resource', {
      expected: resource,
      received: String(result.resource),
    })
  const { expiresAt = now + 3600, subject, clientId, scopes, props, upstream } = result
  if (!(expiresAt > now)) throw new InvalidTokenError('The token has expired')
  if (!Array.isArray(scopes) || scopes.some((scope) => typeof scope !== 'string'))
    throw attribute(
      new UnavailableError('The token could not be judged'),
      'customVerifier.verify',
      new ConfigurationError('verify', 'must return `scopes`: a list of strings'),
    )
  return {
    issuer,
    subject,
    clientId: typeof clientId === 'string' ? clientId : '',
    scopes,
    expiresAt,
    claims: { ...(result.claims ?? result.extra) },
    props,
    cacheUntil: Math.min(expiresAt, now + ttl),
    ...(upstream === undefined ? {} : { upstream }),
  }
}
