import { formatBasic } from '../../../protocol/basic.ts'
import { SignJWT } from 'jose/jwt/sign'
import { importJWK } from 'jose/key/import'
import { randomToken } from '../../../lib/random.ts'
import type { Awaitable, Clock, OpaqueProfile } from '../../../types.ts'
import type { CryptoKey, JsonWebKey } from '../../../lib/web-types.ts'

/**
 * How the resource server authenticates at the introspection endpoint.
 *
 * - `client_secret_basic`, `client_secret_post`: RFC 6749 §2.3.1.
 * - `private_key_jwt`: RFC 7523 §2.2; `aud` is the issuer as a sole string. `key`: a private JWK with `alg`,
 *   or a `CryptoKey` and `algorithm`. `dangerouslyAudience` replaces the issuer, for a server that still asks
 *   for its endpoint there.
 * - `bearer`: a token of the resource server's own (RFC 7662 §2.1), also as a function that fetches a fresh
 *   one.
 * - `none`: only if the provider asks for nothing.
 */
export type IntrospectionAuthentication =
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post'
      readonly clientId: string
      readonly clientSecret: string
    }
  | {
      readonly method: 'private_key_jwt'
      readonly clientId: string
      readonly key: CryptoKey | PrivateJwk
      readonly algorithm?: string
      readonly keyId?: string
      readonly dangerouslyAudience?: string
    }
  | { readonly method: 'bearer'; readonly token: string | (() => Awaitable<string>) }
  | { readonly method: 'none' }

/** A private key as JWK (RFC 7517). */
export type PrivateJwk = JsonWebKey & { readonly kty: string; readonly kid?: string }

/** One outgoing request. */
export interface Question {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
}

/** What a provider is asked about a token, in its own form. */
export async function introspectionRequest(
  profile: OpaqueProfile,
  authentication: IntrospectionAuthentication,
  token: string,
  clock: Clock,
): Promise<Question> {
  // GitHub refuses requests without a User-Agent, and not every platform's fetch sends one.
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'tollgate' }
  switch (profile.style ?? 'rfc7662') {
    // The token goes into a header: the documented query parameter would lie in the logs on the way.
    case 'google-tokeninfo':
      return { method: 'POST', headers: { ...headers, authorization: `Bearer ${token}` } }
    case 'discord-me':
      return { method: 'GET', headers: { ...headers, authorization: `Bearer ${token}` } }
    case 'github-check-token': {
      headers['accept'] = 'application/vnd.github+json'
      headers['content-type'] = 'application/json'
      await authenticate(profile, authentication, headers, new URLSearchParams(), clock)
      return { method: 'POST', headers, body: JSON.stringify({ access_token: token }) }
    }
    default: {
      const form = new URLSearchParams({ token })
      if (profile.style !== 'clerk-token-info') form.set('token_type_hint', 'access_token')
      headers['content-type'] = 'application/x-www-form-urlencoded'
      await authenticate(profile, authentication, headers, form, clock)
      return { method: 'POST', headers, body: form.toString() }
    }
  }
}

async function authenticate(
  profile: OpaqueProfile,
  authentication: IntrospectionAuthentication,
  headers: Record<string, string>,
  form: URLSearchParams,
  clock: Clock,
): Promise<void> {
  switch (authentication.method) {
    case 'client_secret_basic':
      headers['authorization'] = formatBasic(authentication.clientId, authentication.clientSecret)
      break
    case 'client_secret_post':
      form.set('client_id', authentication.clientId)
      form.set('client_secret', authentication.clientSecret)
      break
    case 'private_key_jwt':
      form.set('client_id', authentication.clientId)
      form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      form.set('client_assertion', await assertion(profile.issuer, authentication, clock))
      break
    case 'bearer': {
      const { token } = authentication
      headers['authorization'] = `Bearer ${typeof token === 'string' ? token : await token()}`
    }
  }
}

/** RFC 7523 §3. A fresh one for each request: 60 s, and an id that is never used twice. */
async function assertion(
  issuer: string,
  authentication: Extract<IntrospectionAuthentication, { method: 'private_key_jwt' }>,
  clock: Clock,
): Promise<string> {
  const { clientId, key, dangerouslyAudience } = authentication
  const jwk = 'kty' in key ? key : undefined
  const alg = authentication.algorithm ?? jwk?.alg ?? 'ES256'
  const kid = authentication.keyId ?? jwk?.kid
  const now = Math.floor(clock())
  return new SignJWT({})
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(dangerouslyAudience ?? issuer)
    .setJti(randomToken())
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(jwk === undefined ? (key as CryptoKey) : await importJWK(jwk, alg))
}
