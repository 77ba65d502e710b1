// The deployment whose records lie in test/fixtures.
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { clients, RES_A, RES_B, resources, Rig } from './as.ts'
import { cookieLogin, type FakeUpstream } from './pages.ts'

export const introspectionSecret = 'the secret of a resource server, long enough'

export const statelessClient = {
  client_name: 'A registered client',
  redirect_uris: ['https://registered.test/cb'],
  token_endpoint_auth_method: 'client_secret_basic',
}

/** `jwk`: the public key of the client `signing`. */
export const options = (jwk: Record<string, unknown>): Partial<AuthorizationServerOptions> => ({
  checkRevocation: 0,
  lifetimes: { rememberedConsent: 86_400 },
  resources: { [RES_A]: resources[RES_A]!, [RES_B]: { ...resources[RES_B]!, accessTokens: 'opaque' } },
  clients: [
    ...clients,
    {
      client_id: 'signing',
      redirect_uris: ['https://signing.test/cb'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    },
  ],
})

export const ownLoginRig = (more: Partial<AuthorizationServerOptions>): Rig =>
  new Rig({ signIn: cookieLogin({ alice: { props: { plan: 'gold' } } }), ...more })

export const upstreamRig = (more: Partial<AuthorizationServerOptions>, signIn: FakeUpstream): Rig =>
  new Rig({ signIn, ...more })
