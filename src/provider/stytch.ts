import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { commonOptions, host, oneOrMore, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link stytch}. */
export interface StytchOptions extends CommonOptions {
  /** The project's id; it is the audience of tokens. */
  projectId: string
  /** The project's domain, or the custom one. */
  domain: string
  /** Audiences beside the project's id: the client's custom audience. Default: none. */
  audience?: string | readonly string[]
}

/**
 * Stytch Connected Apps. The audience is the project, whatever resource was asked for.
 *
 * @see [Access token](https://stytch.com/docs/b2b/api/connected-app-access-token)
 */
export function stytch(options: StytchOptions): Provider {
  const { projectId, domain, audience, scopeClaims, ...common } = readOptions('stytch', options, {
    projectId: segment().required,
    domain: host().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `https://${domain}`
  return preset(
    {
      provider: 'stytch',
      issuer,
      jwt: {
        issuer,
        // What tokens from Stytch's own domain say: no scheme.
        alsoIssuers: [`stytch.com/${projectId}`],
        jwksUri: `${issuer}/.well-known/jwks.json`,
        algorithms: ['RS256'],
        audience: { aud: [projectId, ...(audience ?? [])] },
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
      signIn: {
        name: 'Stytch',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        idTokenAlgorithms: ['RS256'],
      },
    },
    common,
  )
}
