import { defined } from '../lib/defined.ts'
import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { base, opaqueOptions, preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link fusionauth}. */
export interface FusionauthOptions extends Omit<OpaqueOptions, 'scopeClaims'> {
  /** Where FusionAuth is, for example `https://auth.example.com`. */
  url: string
  /** The tenant's issuer. Set it to a URL there; its default is `acme.com`. Default: the URL. */
  issuer?: string
  /** The tenant, if there is more than one. Default: the only one. */
  tenantId?: string
}

/**
 * FusionAuth, for sign-in: an application's access and ID tokens have the same audience, and this preset does
 * not verify access tokens.
 *
 * @see [OAuth endpoints](https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/endpoints)
 */
export function fusionauth(options: FusionauthOptions): Provider {
  const { scopeClaims: _, ...rows } = opaqueOptions()
  const { url, issuer, tenantId, ...credentials } = readOptions('fusionauth', options, {
    url: base().required,
    issuer: base(true),
    tenantId: segment(),
    ...rows,
  })
  return preset(
    {
      provider: 'fusionauth',
      issuer: issuer ?? url,
      client: {
        resource: 'omit',
        endpoints: {
          authorization: `${url}/oauth2/authorize`,
          token: `${url}/oauth2/token`,
          userinfo: `${url}/oauth2/userinfo`,
        },
        ...defined({ authorizationParameters: tenantId === undefined ? undefined : { tenantId } }),
      },
      signIn: {
        name: 'FusionAuth',
        protocol: 'oidc',
        jwksUri: `${url}/.well-known/jwks.json`,
        offlineScope: 'offline_access',
        nameClaims: ['preferred_username', 'email'],
        clientAuth: 'client_secret_basic',
      },
    },
    credentials,
  )
}
