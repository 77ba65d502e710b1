import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { base, opaqueOptions, preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link gitlab}. */
export interface GitlabOptions extends OpaqueOptions {
  /** The application's id. */
  clientId: string
  /** Where GitLab is, if it is self-managed. Default `https://gitlab.com`. */
  url?: string
}

/**
 * GitLab, as GitLab.com or self-managed. Access tokens are opaque and judged by introspection, which tells an
 * application only about its own tokens, and names no user: `introspectionVerifier(gitlab({ … }))`. They are
 * for GitLab's API, so it usually stands behind our own authorization server. Refresh tokens come without a
 * scope of their own and rotate.
 *
 * @see [OpenID Connect provider](https://docs.gitlab.com/integration/openid_connect_provider/), [OAuth 2.0
 * API](https://docs.gitlab.com/api/oauth2/)
 */
export function gitlab(options: GitlabOptions): Provider {
  const { url, scopeClaims, ...credentials } = readOptions('gitlab', options, {
    ...opaqueOptions(),
    clientId: segment().required,
    url: base().default('https://gitlab.com'),
  })
  return preset(
    {
      provider: 'gitlab',
      issuer: url,
      opaque: {
        issuer: url,
        endpoint: `${url}/oauth/introspect`,
        audience: { claim: 'client_id', equals: [credentials.clientId] },
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
      signIn: {
        name: 'GitLab',
        protocol: 'oidc',
        idTokenAlgorithms: ['RS256'],
        nameClaims: ['preferred_username', 'nickname', 'name'],
      },
    },
    credentials,
  )
}
