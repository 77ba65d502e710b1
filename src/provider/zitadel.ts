import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { base, oneOrMore, opaqueOptions, preset, type OpaqueOptions } from './preset.ts'

/** Options of {@link zitadel}. */
export interface ZitadelOptions extends OpaqueOptions {
  /** The instance's domain, for example `https://example-abc123.zitadel.cloud`. It is the issuer. */
  url: string
  /**
   * The project that tokens must be for: clients ask for `urn:zitadel:iam:org:project:id:<id>:aud`. Only for
   * verification. Default: none, and the preset is for sign-in only.
   */
  projectId?: string | readonly string[]
}

/**
 * ZITADEL. Its access tokens, opaque or JWT, name no scopes by themselves; introspection does, with the
 * credentials of an API application: `introspectionVerifier(zitadel({ … }))`. Without a `projectId` it is for
 * sign-in only.
 *
 * @see [Claims](https://zitadel.com/docs/apis/openidoauth/claims),
 * [endpoints](https://zitadel.com/docs/apis/openidoauth/endpoints)
 */
export function zitadel(options: ZitadelOptions): Provider {
  const { url, projectId, scopeClaims, ...credentials } = readOptions('zitadel', options, {
    url: base().required,
    projectId: oneOrMore(),
    ...opaqueOptions(),
  })
  return preset(
    {
      provider: 'zitadel',
      issuer: url,
      ...(projectId && {
        opaque: {
          issuer: url,
          endpoint: `${url}/oauth/v2/introspect`,
          audience: { aud: projectId },
          scopeClaims: ['scope', ...(scopeClaims ?? [])],
          clientIdClaims: ['client_id'],
        },
      }),
      client: { resource: 'omit' },
      signIn: {
        name: 'ZITADEL',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        nameClaims: ['preferred_username', 'name'],
        exchange: 'rfc8693',
      },
    },
    credentials,
  )
}
