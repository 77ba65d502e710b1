// An authorization server that is not ours: `oidc-provider` on loopback, with a login page that takes any name. For demos and tests.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

export interface OidcProviderOptions {
  /** Default: any free port. */
  port?: number
  scopes: readonly string[]
  /** Lifetime of access tokens in seconds. Default 300. */
  lifetime?: number
  /** What may be asked for: of this resource the tokens are `jwt` (default) or `opaque`. */
  resources: Readonly<Record<string, 'jwt' | 'opaque'>>
  /** Who may introspect opaque tokens. */
  introspector?: { clientId: string; clientSecret: string }
  /** A client that is registered by hand, as most identity providers want it. */
  client?: { clientId: string; clientSecret: string; redirectUri: string }
  /** Clients that act for themselves (RFC 6749 §4.4), with a secret or with keys for `private_key_jwt`. */
  services?: readonly ({ clientId: string } & ({ clientSecret: string } | { keys: readonly object[] }))[]
}

/** Starts the server; its issuer is where it listens. */
export async function startOidcProvider(
  options: OidcProviderOptions,
): Promise<{ issuer: string; provider: Provider; close(): Promise<void> }> {
  const server = await listen(options.port ?? 0)
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = quietly(() => new Provider(issuer, configuration(options)))
  server.on('request', provider.callback())
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { issuer, provider, close }
}

function configuration(options: OidcProviderOptions): object {
  const { scopes, lifetime = 300, resources, introspector, client, services = [] } = options
  const [first] = Object.keys(resources)
  return {
    clients: [
      ...(introspector
        ? [
            {
              client_id: introspector.clientId,
              client_secret: introspector.clientSecret,
              redirect_uris: [],
              response_types: [],
              grant_types: [],
            },
          ]
        : []),
      ...(client
        ? [
            {
              client_id: client.clientId,
              client_secret: client.clientSecret,
              redirect_uris: [client.redirectUri],
              grant_types: ['authorization_code', 'refresh_token'],
            },
          ]
        : []),
      ...services.map(({ clientId, ...proof }) => ({
        client_id: clientId,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        ...('keys' in proof
          ? {
              token_endpoint_auth_method: 'private_key_jwt',
              token_endpoint_auth_signing_alg: 'ES256',
              jwks: { keys: proof.keys },
            }
          : { client_secret: proof.clientSecret }),
      })),
    ],
    // SDK clients copy the resource's scopes into their registration, which is refused unless they are all known here.
    scopes: ['openid', 'offline_access', ...scopes],
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: id }),
    }),
    claims: { openid: ['sub'], profile: ['name'] },
    cookies: { keys: [crypto.randomUUID()] },
    pkce: { required: () => true },
    // SDK clients register with the scope of their first request; a client that is held to it can never step up.
    extraClientMetadata: {
      properties: ['x_any_scope'],
      validator: (_context: unknown, _key: string, _value: unknown, metadata: { scope?: string }) => {
        delete metadata.scope
      },
    },
    clientBasedCORS: () => true,
    issueRefreshToken: () => true,
    ttl: {
      AccessToken: lifetime,
      ClientCredentials: lifetime,
      Grant: 3600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: 3600,
      IdToken: 300,
    },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true, initialAccessToken: false },
      introspection: { enabled: introspector !== undefined, allowedPolicy: () => true },
      revocation: { enabled: true },
      clientCredentials: { enabled: services.length > 0 },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => first,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, resource: string) => {
          if (!Object.hasOwn(resources, resource)) throw new Error(`unknown resource ${resource}`)
          return {
            scope: scopes.join(' '),
            audience: resource,
            accessTokenTTL: lifetime,
            accessTokenFormat: resources[resource],
            jwt: { sign: { alg: 'RS256' } },
          }
        },
      },
    },
  }
}

/** It warns about everything that makes it fit for a demo. */
function quietly<T>(make: () => T): T {
  const { info, warn } = console
  console.info = console.warn = () => undefined
  try {
    return make()
  } finally {
    console.info = info
    console.warn = warn
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
