import { readOptions, secret } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link github}. */
export interface GithubOptions extends Omit<OpaqueOptions, 'scopeClaims'> {
  /** The OAuth app's or GitHub App's client id. */
  clientId: string
  /** Its secret: GitHub tells about a token only to the application that it belongs to. */
  clientSecret: string
}

/**
 * GitHub. Tokens are opaque and judged by "check a token", which knows only this application's: `GET /user`
 * would accept a token of any application (confused deputy). MCP clients cannot register there, so it
 * usually stands behind our own authorization server: `signIn: upstream(github({ … }))`.
 *
 * @see [Check a token](https://docs.github.com/rest/apps/oauth-applications#check-a-token)
 */
export function github(options: GithubOptions): Provider {
  const credentials = readOptions('github', options, {
    clientId: segment().required,
    clientSecret: secret().required,
  })
  const { clientId } = credentials
  // What GitHub puts into `iss` of its authorization responses (RFC 9207). There is no metadata document.
  const issuer = 'https://github.com/login/oauth'
  return preset(
    {
      provider: 'github',
      issuer,
      opaque: {
        issuer,
        endpoint: `https://api.github.com/applications/${clientId}/token`,
        style: 'github-check-token',
        audience: { claim: 'client_id', equals: [clientId] },
        scopeClaims: ['scope'],
        clientIdClaims: ['client_id'],
      },
      client: {
        resource: 'omit',
        assumeS256: true,
        endpoints: {
          authorization: 'https://github.com/login/oauth/authorize',
          token: 'https://github.com/login/oauth/access_token',
          userinfo: 'https://api.github.com/user',
        },
      },
    },
    credentials,
  )
}
