import type { Provider } from '../types.ts'
import { checkPreset, host, list, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link stytch}. */
export interface StytchOptions extends CommonOptions {
  projectId: string
  /** The project's domain, or the custom one. */
  domain: string
  /** Audiences beside the project's id: the client's custom audience. */
  audience?: string | readonly string[]
}

/**
 * Stytch Connected Apps. The audience is the project, whatever resource was asked for.
 *
 * @see [Access token](https://stytch.com/docs/b2b/api/connected-app-access-token)
 */
export function stytch(options: StytchOptions): Provider {
  checkPreset('stytch', options, ['projectId', 'domain', 'audience'])
  const projectId = segment('projectId', options.projectId)
  const issuer = `https://${host('domain', options.domain)}`
  const { audience } = options
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
        audience: { aud: [projectId, ...(audience === undefined ? [] : list('audience', audience))] },
        typ: 'jwt',
        scopeClaims: ['scope', ...(options.scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
    },
    options,
  )
}
