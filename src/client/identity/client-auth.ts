import { ClientSecretPost, modifyAssertion, None, PrivateKeyJwt, type ClientAuth } from 'oauth4webapi'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import type { Clock } from '../../types.ts'
import type { PreregisteredClient } from '../options.ts'

type Method = NonNullable<PreregisteredClient['authMethod']>

/** How a client proves itself at the token endpoint. */
export function clientAuth(
  client: {
    clientSecret?: string
    privateKey?: PreregisteredClient['privateKey']
    authMethod?: string | undefined
  },
  metadata: AuthorizationServerMetadata,
  clock: Clock,
): ClientAuth {
  const { clientSecret = '', privateKey } = client
  switch (chooseMethod(client, metadata)) {
    case 'private_key_jwt':
      return PrivateKeyJwt(keyOf(privateKey!), { [modifyAssertion]: (_, claims) => stamp(claims, clock) })
    case 'client_secret_basic':
      return basic(clientSecret)
    case 'client_secret_post':
      return ClientSecretPost(clientSecret)
    default:
      return None()
  }
}

/** What a registration names may be impossible: a method that needs what we do not have is not used. */
function chooseMethod(
  { authMethod, clientSecret, privateKey }: Parameters<typeof clientAuth>[0],
  metadata: AuthorizationServerMetadata,
): Method {
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

/** What a registration asks for: a native client keeps no secret, a web host does. Undefined: the server does not say. */
export function registeredMethod(
  { token_endpoint_auth_methods_supported: listed }: AuthorizationServerMetadata,
  native: boolean,
): Method {
  const secret: Method[] = ['client_secret_basic', 'client_secret_post']
  const order: Method[] = native ? ['none', ...secret] : [...secret, 'none']
  return order.find((method) => listed?.includes(method)) ?? order[0]!
}

/** RFC 6749 §2.3.1: form-encoded, then Basic. Only what needs it is escaped, for the many servers that do not decode. */
function basic(secret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${formEncode(client.client_id)}:${formEncode(secret)}`)}`)
  }
}

const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

function stamp(claims: Record<string, unknown>, clock: Clock): void {
  const now = Math.floor(clock())
  Object.assign(claims, { iat: now, exp: now + 60 })
  // Optional, and in the future for a server whose clock is behind ours.
  delete claims['nbf']
}

const keyOf = (key: NonNullable<PreregisteredClient['privateKey']>): Parameters<typeof PrivateKeyJwt>[0] =>
  key as Parameters<typeof PrivateKeyJwt>[0]
