// Slack: https://docs.slack.dev/authentication/sign-in-with-slack/,
// https://docs.slack.dev/reference/methods/oauth.v2.user.access,
// https://docs.slack.dev/reference/methods/auth.test. Errors come with status 200.
import { slack } from '../../../src/provider/slack.ts'
import { bearerOf, imitate, type ProviderImitation } from './imitation.ts'

export const workspace = 'T0R7GR6AE'

/**
 * `userTokens`: the installation for a user, in place of Sign in with Slack. The user's tenant is the
 * workspace.
 */
export function slackImitation(options: { callback: string; userTokens?: boolean }): ProviderImitation {
  const { callback, userTokens = false } = options
  const client = {
    id: '25259531569.1115258246291',
    secret: 'slack-secret',
    redirectUris: [`${callback}/slack`],
  }
  return imitate({
    preset: slack({ clientId: client.id, clientSecret: client.secret, teamId: workspace, userTokens }),
    client,
    urls: userTokens
      ? {
          authorize: 'https://slack.com/oauth/v2_user/authorize',
          token: 'https://slack.com/api/oauth.v2.user.access',
        }
      : {
          authorize: 'https://slack.com/openid/connect/authorize',
          token: 'https://slack.com/api/openid.connect.token',
          jwks: 'https://slack.com/openid/connect/keys',
        },
    clientAuth: ['basic', 'post'],
    checkAuthorization: (parameters) =>
      parameters.get('scope') === null
        ? { error: 'invalid_scope', description: 'scopes are missing', page: true }
        : undefined,
    accessToken: (_grant, id) => `xoxp-${id}`,
    refreshes: () => false,
    idToken: ({ user }) =>
      userTokens
        ? undefined
        : {
            iss: 'https://slack.com',
            sub: user.id,
            aud: client.id,
            'https://slack.com/user_id': user.id,
            'https://slack.com/team_id': user.tenant,
            email: user.email,
            email_verified: user.emailVerified,
            name: user.name,
          },
    answer: ({ accessToken, idToken }, { user, scopes }) =>
      userTokens
        ? {
            ok: true,
            app_id: 'A0118NQPZZC',
            authed_user: {
              id: user.id,
              scope: scopes.join(','),
              access_token: accessToken,
              token_type: 'user',
            },
            team: { id: user.tenant },
            enterprise: null,
          }
        : { ok: true, access_token: accessToken, token_type: 'Bearer', id_token: idToken },
    refusal: ({ error }) =>
      Response.json({ ok: false, error: error === 'invalid_client' ? 'bad_client_secret' : 'invalid_code' }),
    routes: ({ grantOf }) => {
      const who = async (request: Request): Promise<Response> => {
        const grant = grantOf(bearerOf(request))
        if (grant === undefined) return Response.json({ ok: false, error: 'invalid_auth' })
        const { id, login, tenant } = grant.user
        return Response.json({ ok: true, user: login, user_id: id, team_id: tenant, team: 'Acme' })
      }
      return { 'GET https://slack.com/api/auth.test': who, 'POST https://slack.com/api/auth.test': who }
    },
  })
}
