import {
  createAuthorizationServer,
  type EmbeddedAuthorizationServer,
} from '../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../src/authorization-server/sign-in/development.ts'
import type { Runtime, Store } from '../src/index.ts'
import { scopes } from '../examples/common/notes.ts'
import type { Flags } from './conformance-flags.ts'

/** The embedded server with the two clients that tests know. */
export function embeddedServer(parts: {
  issuer: string
  resources: readonly string[]
  store: Store
  runtime: Runtime
  flags: Flags
}): EmbeddedAuthorizationServer {
  const { issuer, resources, store, runtime, flags } = parts
  const { tokens, checkRevocation, deploymentSecret, defaultResource, secret } = flags
  const client = {
    redirect_uris: ['http://127.0.0.1:4100/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
  }
  // A shorter one is good for tests, and no secret of a resource server.
  const introspectable = secret.length >= 32 ? { introspectionSecret: secret } : {}
  return createAuthorizationServer({
    issuer,
    ...(deploymentSecret === undefined ? {} : { secret: deploymentSecret }),
    store,
    resources: Object.fromEntries(
      resources.map((resource) => [resource, { scopes, accessTokens: tokens, ...introspectable }]),
    ),
    ...(defaultResource === undefined ? {} : { defaultResource: new URL(defaultResource, issuer).href }),
    clients: [
      {
        ...client,
        client_id: 'conformance-public',
        client_name: 'Conformance, public',
        token_endpoint_auth_method: 'none',
      },
      {
        ...client,
        client_id: 'conformance-confidential',
        client_name: 'Conformance, confidential',
        client_secret: secret,
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    checkRevocation,
    signIn: dangerouslyDevSignIn(),
    ...runtime,
  })
}
