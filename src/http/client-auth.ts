import { ClientSecretPost, modifyAssertion, None, PrivateKeyJwt, type ClientAuth } from 'oauth4webapi'
import { formatBasic } from '../protocol/basic.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import { callPartWithin } from '../lib/within.ts'
import type { Awaitable, Clock } from '../types.ts'
import type { CryptoKey } from '../lib/web-types.ts'

/** An asymmetric signing key, with its key id if the server wants one. */
export type PrivateKey = CryptoKey | { key: CryptoKey; kid?: string }

/**
 * How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
 *
 * @inline
 */
export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/** What a client authenticates with. */
export interface ClientCredentials {
  clientSecret?: string
  privateKey?: PrivateKey
  authMethod?: string | undefined
  /** `aud` of a `private_key_jwt`. Default: the issuer. */
  assertionAudience?: 'token_endpoint' | undefined
}

/** How the client authenticates at the token endpoint (RFC 6749 §2.3). */
export function clientAuth(
  client: ClientCredentials,
  metadata: AuthorizationServerMetadata,
  clock: Clock,
): ClientAuth {
  const { clientSecret = '', privateKey, assertionAudience } = client
  const audience = assertionAudience && metadata.token_endpoint
  switch (chooseMethod(client, metadata)) {
    case 'private_key_jwt':
      return PrivateKeyJwt(keyOf(privateKey!), {
        [modifyAssertion]: (_, claims) => stamp(claims, clock, audience),
      })
    case 'client_secret_basic':
      return basic(clientSecret)
    case 'client_secret_post':
      return ClientSecretPost(clientSecret)
    default:
      return None()
  }
}

/** A registration may name a method that needs what the client does not have: then another one is used. */
function chooseMethod(
  { authMethod, clientSecret, privateKey }: ClientCredentials,
  metadata: AuthorizationServerMetadata,
): AuthMethod {
  const withKey = authMethod === undefined || authMethod === 'private_key_jwt'
  if (privateKey !== undefined && withKey) return 'private_key_jwt'
  if (clientSecret === undefined) return 'none'
  const usable = ['client_secret_basic', 'client_secret_post', 'none'] as const
  // RFC 8414 §2: absent means Basic.
  const listed = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return (
    usable.find((method) => method === authMethod) ??
    usable.find((method) => listed.includes(method)) ??
    'client_secret_basic'
  )
}

/**
 * RFC 6749 §2.3.1, but with only the necessary escapes: many servers do not decode, so oauth4webapi's own
 * fails there.
 */
function basic(secret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    headers.set('authorization', formatBasic(client.client_id, secret))
  }
}

function stamp(claims: Record<string, unknown>, clock: Clock, audience: string | undefined): void {
  const now = Math.floor(clock())
  if (audience !== undefined) claims['aud'] = audience
  Object.assign(claims, { iat: now, exp: now + 60 })
  // Optional, and it would lie in the future for a server whose clock is behind ours.
  delete claims['nbf']
}

const keyOf = (key: PrivateKey): Parameters<typeof PrivateKeyJwt>[0] =>
  key as Parameters<typeof PrivateKeyJwt>[0]

/** A JWT that the platform made proves who the client is (RFC 7521 §4.2): managed or federated identity. */
export const assertionAuth =
  (assertion: () => Awaitable<string>): ClientAuth =>
  async (_server, client, body) => {
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', await callPartWithin('clientAssertion', assertion))
  }
