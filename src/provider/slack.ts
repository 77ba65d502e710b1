import { flag, readOptions, secret } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link slack}. */
export interface SlackOptions extends Omit<OpaqueOptions, 'scopeClaims'> {
  /** The application's client id. */
  clientId: string
  clientSecret: string
  /**
   * The workspace whose users are admitted, for example `T0123456789`. A user's id is unique only there, so
   * the subject is `<teamId>:<user id>`.
   */
  teamId: string
  /**
   * Sign in through the installation for a user, so that the tokens serve Slack's API with the user scopes
   * that `upstream()` asks for. Default false: Sign in with Slack, whose tokens only tell who the user is.
   */
  userTokens?: boolean
}

/**
 * Slack, for sign-in: its access tokens cannot be verified, since none says which application it is for.
 * Errors of its endpoints come with status 200.
 *
 * @see [Sign in with Slack](https://docs.slack.dev/authentication/sign-in-with-slack/),
 * [oauth.v2.user.access](https://docs.slack.dev/reference/methods/oauth.v2.user.access)
 */
export function slack(options: SlackOptions): Provider {
  const { teamId, userTokens, ...credentials } = readOptions('slack', options, {
    clientId: segment().required,
    clientSecret: secret().required,
    teamId: segment().required,
    userTokens: flag().default(false),
  })
  const shared = { resource: 'omit', authorizationParameters: { team: teamId } } as const
  if (userTokens)
    return preset(
      {
        provider: 'slack',
        issuer: 'https://slack.com',
        client: {
          ...shared,
          tokenTypes: ['user'],
          endpoints: {
            authorization: 'https://slack.com/oauth/v2_user/authorize',
            token: 'https://slack.com/api/oauth.v2.user.access',
            userinfo: 'https://slack.com/api/auth.test',
          },
        },
        signIn: {
          name: 'Slack',
          protocol: 'oauth2',
          scopeSeparator: ',',
          subjectClaim: 'user_id',
          subjectTenantClaim: 'team_id',
          nameClaims: ['user'],
          requiredClaims: { team_id: teamId },
          tokenPath: 'authed_user',
        },
      },
      credentials,
    )
  return preset(
    {
      provider: 'slack',
      issuer: 'https://slack.com',
      client: {
        ...shared,
        endpoints: {
          authorization: 'https://slack.com/openid/connect/authorize',
          token: 'https://slack.com/api/openid.connect.token',
          userinfo: 'https://slack.com/api/openid.connect.userInfo',
        },
      },
      signIn: {
        name: 'Slack',
        protocol: 'oidc',
        jwksUri: 'https://slack.com/openid/connect/keys',
        subjectTenantClaim: 'https://slack.com/team_id',
        idTokenAlgorithms: ['RS256'],
        requiredClaims: { 'https://slack.com/team_id': teamId },
        prompts: [],
      },
    },
    credentials,
  )
}
