import { ConfigurationError } from '../../../errors.ts'
import { flag, func, matching, readOptions, seconds } from '../../../lib/options.ts'
import type { AuthorizationServer, OpaqueProfile, Provider } from '../../../types.ts'
import type { IntrospectionAuthentication } from './request.ts'
import { IntrospectionVerifier, type IntrospectionSettings } from './verifier.ts'

export type { IntrospectionAuthentication, PrivateJwk } from './request.ts'

/** Options of {@link introspectionVerifier}. */
export interface IntrospectionOptions {
  /**
   * Default: `client_secret_basic` with the preset's `clientId` and `clientSecret`; `none` for Google and
   * Discord.
   */
  authentication?: IntrospectionAuthentication
  /**
   * How long a positive answer may be used, in seconds, 0–3600. Default 60. A revoked token lives that long.
   */
  ttl?: number
  /** How long a negative answer may be used, in seconds, 0–60. Default 5. */
  negativeTtl?: number
  /**
   * Keep positive answers in the guard's `cache`, too, so that instances share them; needs its `cacheSecret`.
   * Default false: memory only.
   */
  shared?: boolean
  /** For `exp` and `nbf`, in seconds, 0–60. Default 5. */
  clockSkew?: number
  /** Which tokens are its own. Default: every opaque token, and JWTs whose unverified `iss` is the issuer. */
  accepts?: (token: string) => boolean
}

/**
 * Verifies tokens by asking their issuer (RFC 7662), or in the provider's own form if its preset says so.
 *
 * A token that is not `active: true` for this resource, this issuer and this moment is `invalid_token`. A
 * provider that is out of reach, limits our rate or refuses our credentials is `temporarily_unavailable`
 * (503): it says nothing about the token. A token without an expiry (GitHub's) is valid for an hour from each
 * answer.
 *
 * @see [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2)
 */
export function introspectionVerifier(
  provider: Provider | OpaqueProfile,
  options: IntrospectionOptions = {},
): AuthorizationServer {
  const profile = profileOf(provider)
  const { authentication, ...resolved } = readOptions('introspectionVerifier', options, {
    authentication: matching<IntrospectionAuthentication>(
      'an object such as { method: "client_secret_basic", … }',
      hasMethod,
    ),
    ttl: seconds({ min: 0, max: 3600 }).default(60),
    negativeTtl: seconds({ min: 0, max: 60 }).default(5),
    shared: flag().default(false),
    clockSkew: seconds({ min: 0, max: 60 }).default(5),
    accepts: func(),
  })
  const settings: IntrospectionSettings = {
    profile,
    authentication: authentication ?? defaultAuthentication(provider, profile),
    ...resolved,
  }
  return {
    issuer: profile.issuer,
    verifier: (resource, runtime) => new IntrospectionVerifier(settings, resource, runtime),
  }
}

const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'bearer', 'none']

const hasMethod = (value: unknown): boolean =>
  methods.includes(String((value as { method?: unknown } | null)?.method))

function profileOf(provider: Provider | OpaqueProfile): OpaqueProfile {
  const profile = 'provider' in provider ? provider.opaque : provider
  if (profile === undefined)
    throw new ConfigurationError(
      'provider',
      `must have introspection; ${(provider as Provider).provider} has none: its tokens are JWTs, so pass the preset itself to authorizationServers`,
    )
  return profile
}

function defaultAuthentication(
  provider: Provider | OpaqueProfile,
  { style = 'rfc7662' }: OpaqueProfile,
): IntrospectionAuthentication {
  if (style === 'google-tokeninfo' || style === 'discord-me') return { method: 'none' }
  const credentials = 'provider' in provider ? provider.credentials : undefined
  if (credentials !== undefined) return { method: 'client_secret_basic', ...credentials }
  throw new ConfigurationError(
    'authentication',
    'must be set, here or by clientId and clientSecret of the preset',
  )
}
