// GitHub: https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps,
// https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors,
// https://docs.github.com/rest/apps/oauth-applications
import { github } from '../../../src/provider/github.ts'
import { bearerOf, imitate, now, type ImitatedUser, type ProviderImitation } from './imitation.ts'

const message = (status: number, text: string): Response =>
  Response.json({ message: text, documentation_url: 'https://docs.github.com/rest' }, { status })

const profileOf = ({ id, login, name }: ImitatedUser): Record<string, unknown> => ({
  login,
  id: Number(id),
  node_id: 'MDQ6VXNlcjU4MzIzMQ==',
  type: 'User',
  name,
  // Null unless the user has made one public.
  email: null,
})

export interface GithubOptions {
  readonly callback: string
  /** GitHub Enterprise Server. */
  readonly host?: string
  /** A GitHub App whose user tokens expire: it gets refresh tokens. An OAuth app gets none. */
  readonly app?: boolean
}

export function githubImitation({
  callback,
  host = 'github.com',
  app = false,
}: GithubOptions): ProviderImitation {
  const client = { id: 'Iv1.8a61f9b3a7aba766', secret: 'github-secret', redirectUris: [`${callback}/github`] }
  const web = `https://${host}/login/oauth`
  const api = host === 'github.com' ? 'https://api.github.com' : `https://${host}/api/v3`
  return imitate({
    preset: github({
      clientId: client.id,
      clientSecret: client.secret,
      ...(host !== 'github.com' && { host }),
    }),
    client,
    urls: { authorize: `${web}/authorize`, token: `${web}/access_token` },
    clientAuth: ['post'],
    responseParameters: { iss: web },
    accessToken: (_grant, id) => `${app ? 'ghu_' : 'gho_'}${id.padStart(36, 'x')}`,
    refreshes: () => app,
    rotates: true,
    answer: ({ accessToken, refreshToken }, { scopes }) => ({
      access_token: accessToken,
      // Between scopes in the answer: a comma.
      scope: app ? '' : scopes.join(','),
      token_type: 'bearer',
      ...(refreshToken !== undefined && {
        expires_in: 28_800,
        refresh_token: refreshToken,
        refresh_token_expires_in: 15_897_600,
      }),
    }),
    // Status 200, and names of its own.
    refusal: ({ error, description }) =>
      Response.json({
        error:
          error === 'invalid_client'
            ? 'incorrect_client_credentials'
            : error === 'invalid_grant'
              ? app
                ? 'bad_refresh_token'
                : 'bad_verification_code'
              : error,
        error_description: description,
        error_uri: 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting',
      }),
    limited: (url) =>
      url.startsWith(api)
        ? Response.json(
            { message: 'API rate limit exceeded', documentation_url: 'https://docs.github.com/rest' },
            { status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 60) } },
          )
        : undefined,
    routes: ({ grantOf }) => {
      const withClient = async (
        request: Request,
        answer: (token: string) => Response | undefined,
      ): Promise<Response> => {
        if (request.headers.get('authorization') !== `Basic ${btoa(`${client.id}:${client.secret}`)}`)
          return message(401, 'Bad credentials')
        const { access_token: token } = (await request.json()) as { access_token: string }
        return answer(token) ?? message(404, 'Not Found')
      }
      return {
        [`GET ${api}/user`]: async (request) => {
          if (!request.headers.get('user-agent'))
            return message(403, 'Request forbidden by administrative rules: no User-Agent header')
          const grant = grantOf(bearerOf(request))
          return grant ? Response.json(profileOf(grant.user)) : message(401, 'Bad credentials')
        },
        [`POST ${api}/applications/${client.id}/token`]: (request) =>
          withClient(request, (token) => {
            const grant = grantOf(token)
            return (
              grant &&
              Response.json({
                id: 1,
                scopes: grant.scopes,
                token,
                app: { url: 'http://notes.example.com', name: 'notes', client_id: client.id },
                expires_at: null,
                user: profileOf(grant.user),
              })
            )
          }),
        [`DELETE ${api}/applications/${client.id}/token`]: (request) =>
          withClient(request, (token) => {
            const grant = grantOf(token)
            if (grant === undefined) return undefined
            grant.ended = true
            return new Response(null, { status: 204 })
          }),
      }
    },
  })
}
