import { readOptions, secret } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { host, preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link github}. */
export interface GithubOptions extends Omit<OpaqueOptions, 'scopeClaims'> {
  /** The OAuth app's or GitHub App's client id. */
  clientId: string
  /** Its secret: GitHub tells about a token only to the application that it belongs to. */
  clientSecret: string
  /**
   * The host of GitHub Enterprise Server (`github.example.com`), or of GitHub Enterprise Cloud with data
   * residency (`example.ghe.com`). Default `github.com`.
   */
  host?: string
}

/**
 * GitHub. Tokens are opaque and judged by "check a token", which knows only this application's: `GET /user`
 * would accept a token of any application (confused deputy). MCP clients cannot register there, so it
 * usually stands behind our own authorization server: `signIn: upstream(github({ … }), { admit })`.
 *
 * An OAuth app gets no refresh tokens; its access tokens do not expire. A GitHub App gets both, if its
 * settings say that user tokens expire. Errors of the token endpoint come with status 200.
 *
 * @see [Authorizing OAuth
 * apps](https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps), [Check a
 * token](https://docs.github.com/rest/apps/oauth-applications#check-a-token)
 */
export function github(options: GithubOptions): Provider {
  const { host: web, ...credentials } = readOptions('github', options, {
    clientId: segment().required,
    clientSecret: secret().required,
    host: host().default('github.com'),
  })
  const { clientId } = credentials
  // What GitHub puts into `iss` of its authorization responses (RFC 9207). There is no metadata document.
  const issuer = `https://${web}/login/oauth`
  const api = /^github\.com$|\.ghe\.com$/.test(web) ? `https://api.${web}` : `https://${web}/api/v3`
  return preset(
    {
      provider: 'github',
      issuer,
      opaque: {
        issuer,
        endpoint: `${api}/applications/${clientId}/token`,
        style: 'github-check-token',
        audience: { claim: 'client_id', equals: [clientId] },
        scopeClaims: ['scope'],
        clientIdClaims: ['client_id'],
      },
      client: {
        resource: 'omit',
        endpoints: {
          authorization: `${issuer}/authorize`,
          token: `${issuer}/access_token`,
          userinfo: `${api}/user`,
        },
      },
      signIn: {
        name: 'GitHub',
        protocol: 'oauth2',
        scopeSeparator: ',',
        // The login can be changed, and then belongs to another user.
        subjectClaim: 'id',
        nameClaims: ['login'],
        prompts: ['select_account'],
        loginHintParameter: 'login',
        userinfoHeaders: { accept: 'application/vnd.github+json' },
        revocation: 'github',
        // "Delete an app token" ends one token.
        revocationEndsAll: false,
      },
    },
    credentials,
  )
}
