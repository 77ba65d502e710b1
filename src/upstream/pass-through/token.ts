import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { noStore } from '../../http/cache-control.ts'
import { createOAuthFetch } from '../../http/oauth-fetch.ts'
import { json } from '../../http/responses.ts'
import { readTokenAnswer } from '../../http/token-endpoint.ts'
import { defined } from '../../lib/defined.ts'
import { isCodeVerifier } from '../../protocol/pkce.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import { invalidClient, readClientCredentials, singleParameters } from '../../protocol/token-request.ts'
import { checkTarget, targetParameters } from './authorize.ts'
import type { Context } from './context.ts'
import { scopeForClient, scopeForProvider } from './scopes.ts'

type Form = ReadonlyMap<string, string>

/**
 * The token endpoint: the provider's, with the parameters that it takes and an answer that MCP clients take.
 * Nothing is kept here.
 */
export async function token(context: Context, request: Request): Promise<Response> {
  await context.attempt('token', request)
  const form = singleParameters(await readForm(request))
  checkClient(context, request, form)
  checkTarget(context, form.has('resource') ? [form.get('resource')!] : [])
  const parameters = { client_id: context.clientId, ...targetParameters(context), ...grant(context, form) }
  const { token } = await context.metadata.endpoints()
  const { runtime, allowLoopback } = context
  const post = createOAuthFetch({ fetch: runtime.fetch, allowLoopback, timeout: 10 })
  const answer = await post(token, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
  })
  return json(await readTokens(context, answer), { headers: noStore })
}

/** The client is public: a request with a secret or an assertion is from another client. */
function checkClient({ clientId }: Context, request: Request, form: Form): void {
  const { method, candidates } = readClientCredentials(request, form)
  if (method !== 'none' || !candidates.some((each) => each.clientId === clientId)) throw invalidClient()
}

/** The parameters of the grant types that are passed on (OAuth 2.1 §4.1.3, §4.3.1). */
function grant(context: Context, form: Form): Record<string, string> {
  const type = form.get('grant_type')
  if (type === 'refresh_token') {
    const scope = form.get('scope')
    return {
      grant_type: type,
      refresh_token: required(form, 'refresh_token'),
      ...(scope === undefined ? {} : { scope: scopeForProvider(context, scope) }),
    }
  }
  if (type !== 'authorization_code')
    throw type === undefined
      ? new OAuthError('invalid_request', 'grant_type is missing')
      : new OAuthError('unsupported_grant_type', 'grant_type must be authorization_code or refresh_token')
  const redirectUri = required(form, 'redirect_uri')
  const verifier = required(form, 'code_verifier')
  // PKCE downgrade: a provider may take a code without a verifier.
  if (!isCodeVerifier(verifier)) throw new OAuthError('invalid_request', 'code_verifier is malformed')
  if (!matchRedirectUri(context.redirectUris, redirectUri))
    throw new OAuthError('invalid_grant', 'The redirect URI is not on the list of this server')
  return {
    grant_type: type,
    code: required(form, 'code'),
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
}

function required(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing`)
  return value
}

/**
 * What a client needs of the provider's answer. An ID token does not belong to it: its issuer is not the one
 * that the client knows. The provider's own words go to the client that caused them, never into an event.
 */
async function readTokens(context: Context, response: Response): Promise<Record<string, unknown>> {
  const { tokenTypes = [] } = context.provider.client ?? {}
  const answer = await readTokenAnswer(response, ['bearer'], tokenTypes)
  const scope = scopeForClient(context, answer.scope)
  // RFC 6749 §5.1: without `scope`, the client would take it that all it asked for was granted.
  if (scope === '')
    throw new OAuthError('invalid_scope', 'The provider granted none of the scopes of this server')
  return {
    access_token: answer.accessToken,
    token_type: 'Bearer',
    ...defined({
      expires_in: answer.expiresIn,
      refresh_token: answer.refreshToken,
      scope,
    }),
  }
}
