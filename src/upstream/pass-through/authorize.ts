import { isOAuthError, OAuthError } from '../../errors.ts'
import { noStore } from '../../http/cache-control.ts'
import { printable } from '../../http/responses.ts'
import { defined } from '../../lib/defined.ts'
import {
  authorizationResponse,
  readAuthorizationParameters,
  readCodeChallenge,
  refuseRequestObject,
  requireCodeResponse,
  type AuthorizationParameters,
} from '../../protocol/authorization-request.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import { sameResource } from '../../protocol/resource.ts'
import type { AudienceRule } from '../../types.ts'
import type { Context } from './context.ts'
import { scopeForProvider } from './scopes.ts'

const maxQuery = 16_384

/**
 * The authorization endpoint: sends the browser on to the provider's, with the parameters that the provider
 * takes. Its answer goes to the client's redirect URI directly.
 */
export async function authorize(context: Context, request: Request): Promise<Response> {
  const { search, searchParams } = new URL(request.url)
  if (search.length > maxQuery)
    throw new OAuthError('invalid_request', 'The request is too long', { status: 414 })
  const parameters = readAuthorizationParameters(searchParams)
  const redirectUri = findRedirectUri(context, parameters)
  try {
    return sendTo(await providerUrl(context, parameters, redirectUri))
  } catch (error) {
    if (!isOAuthError(error) || error.status >= 500) throw error
    const { code, message } = error
    return sendTo(
      authorizationResponse(redirectUri, {
        error: code,
        error_description: printable(message),
        state: parameters.values.get('state'),
        // The provider does not send it either, and the metadata says so (RFC 9207 §2.3).
        iss: undefined,
      }),
    )
  }
}

/**
 * Client and redirect URI, before any redirect is possible (open redirect). Confused deputy: all clients
 * share one id at the provider, which may let the user through without consent, so a code only goes to an
 * address that the deployment has listed.
 */
function findRedirectUri(context: Context, { values, repeated }: AuthorizationParameters): string {
  const { clientId, issuer, redirectUris, runtime } = context
  if (repeated.includes('client_id') || values.get('client_id') !== clientId)
    throw new OAuthError('invalid_client', 'No app with this identifier is registered here')
  const redirectUri = values.get('redirect_uri')
  if (redirectUri === undefined || repeated.includes('redirect_uri'))
    throw new OAuthError('invalid_request', 'The request must name one redirect_uri')
  if (matchRedirectUri(redirectUris, redirectUri)) return redirectUri
  runtime.event({
    type: 'authorize.refused',
    level: 'warning',
    issuer,
    clientId,
    error: 'invalid_request',
    received: redirectUri.replace(/[?#].*$/s, ''),
    detail: 'The redirect URI is not on the list of this server',
  })
  throw new OAuthError('invalid_request', 'This address to return to is not on the list of this server')
}

async function providerUrl(
  context: Context,
  { values, resources, repeated }: AuthorizationParameters,
  redirectUri: string,
): Promise<string> {
  const { provider, clientId, metadata } = context
  if (repeated.length > 0) throw new OAuthError('invalid_request', `${repeated[0]} is sent more than once`)
  refuseRequestObject(values)
  requireCodeResponse(values)
  const challenge = readCodeChallenge(values)
  checkTarget(context, resources)
  const { authorization } = await metadata.endpoints()
  const { client = {}, signIn } = provider
  const url = new URL(authorization)
  // Only these: any other parameter of the client is dropped, `nonce` for example, which is for ID tokens.
  const parameters: Record<string, string | undefined> = {
    ...client.authorizationParameters,
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scopeForProvider(context, values.get('scope')),
    state: values.get('state'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...defined({ prompt: promptFor(context, values.get('prompt')) }),
    ...targetParameters(context),
    ...(signIn?.protocol === 'oidc' ? { login_hint: values.get('login_hint') } : {}),
  }
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

/** Throws `invalid_target` if the request names another resource than this one (RFC 8707 §2). */
export function checkTarget({ resource }: Context, requested: readonly string[]): void {
  const other = requested.find((each) => !sameResource(each, resource))
  if (other !== undefined)
    throw new OAuthError('invalid_target', 'This resource is unknown here', {
      expected: resource,
      received: other,
    })
}

/** `resource` (RFC 8707) as the provider takes it: as it is, as `audience`, or not at all. */
export function targetParameters({ provider, resource }: Context): Record<string, string> {
  const quirk = provider.client?.resource
  if (quirk === 'omit') return {}
  return quirk === 'audience' ? { audience: audienceOf(provider.jwt?.audience) ?? resource } : { resource }
}

const audienceOf = (rule: AudienceRule | undefined): string | undefined =>
  typeof rule === 'object' && 'aud' in rule ? rule.aud?.[0] : undefined

/**
 * Mix-up and confused deputy: nothing in the provider's answer says which client and which server asked, so
 * the user must see the provider's page and may not be let through silently. `none` is never passed on, and
 * if the client asks for no prompt that the provider has, this server does.
 */
function promptFor({ provider }: Context, asked = ''): string | undefined {
  const { client, signIn } = provider
  const standard = client?.omitPrompt ? [] : ['consent', 'login']
  const available = (signIn?.prompts ?? standard).filter((each) => each !== 'none')
  const kept = asked.split(' ').filter((each) => available.includes(each))
  const shown = interactive.find((each) => available.includes(each))
  return kept.length > 0 ? [...new Set(kept)].join(' ') : shown
}

/** The first one that the provider has: it shows which application asks. */
const interactive = ['consent', 'select_account', 'login']

const sendTo = (location: string): Response =>
  new Response(null, {
    status: 302,
    headers: { location, ...noStore, 'referrer-policy': 'no-referrer' },
  })
