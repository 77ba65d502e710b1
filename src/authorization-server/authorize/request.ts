import { OAuthError } from '../../errors.ts'
import {
  readAuthorizationParameters,
  type AuthorizationParameters,
} from '../../protocol/authorization-request.ts'
import { isCodeChallenge } from '../../protocol/pkce.ts'
import { isLoopbackRedirect, matchRedirectUri } from '../../protocol/redirect-uri.ts'
import { formatScope, parseScope } from '../../protocol/scope.ts'
import { narrowAccess, scopesOf } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import { RefusedDocumentError } from '../client/documents-policy.ts'
import { DocumentUnavailableError } from '../client/fetch.ts'
import type { Client, Context, Resource } from '../context.ts'
import { PageError } from '../page/error.ts'
import { shownName } from '../page/layout.ts'

/** Where the answer goes: judged before anything else, because every later error is sent there (OAuth 2.1 §4.1.2.1). */
export interface Target {
  readonly client: Client
  readonly redirectUri: string
  /** The request named it; then the token request may have to repeat it. */
  readonly redirectSent: boolean
  readonly state: string | undefined
}

/** An authorization request that was found good. */
export interface AuthorizationRequest {
  readonly clientId: string
  /** What the client said about itself when the user was asked. */
  readonly metadataHash: string
  readonly redirectUri: string
  readonly redirectSent: boolean
  readonly state?: string
  readonly codeChallenge: string
  /** What the user may choose from. */
  readonly access: Access
  readonly prompt?: string
  /** Seconds. */
  readonly maxAge?: number
  readonly loginHint?: string
}

const maxQuery = 16_384
const maxScope = 4096

/** The parameters of the request; throws an OAuthError above 16 kB. */
export function parametersOf(request: Request): AuthorizationParameters & { signedIn: string | undefined } {
  const { search, searchParams } = new URL(request.url)
  if (search.length > maxQuery) throw localError('invalid_request', 'The request is too long', 414)
  return {
    ...readAuthorizationParameters(searchParams),
    signedIn: searchParams.get('signed_in') ?? undefined,
  }
}

/** Client and exact redirect URI. Whatever is wrong here is shown by this server itself: there is nobody to send it to. */
export async function findTarget(
  context: Context,
  parameters: AuthorizationParameters,
  request?: Request,
): Promise<Target> {
  const { values, repeated } = parameters
  const clientId = values.get('client_id')
  if (clientId === undefined || repeated.includes('client_id'))
    throw localError('invalid_request', 'The request does not say which app it comes from')
  const client = await findClient(context, clientId, request)
  if (client === undefined)
    throw new OAuthError('invalid_client', 'No app with this identifier is registered here')
  const sent = values.get('redirect_uri')
  if (repeated.includes('redirect_uri'))
    throw localError('invalid_request', 'The request names more than one address to return to')
  const redirectUri = sent ?? (client.redirectUris.length === 1 ? client.redirectUris[0] : undefined)
  if (redirectUri === undefined)
    throw localError(
      'invalid_request',
      'The request does not say where to return to, and the app has several addresses',
    )
  // An unlisted address is where an attacker would like the code to go.
  if (!matchRedirectUri(client.redirectUris, redirectUri)) {
    const detail = 'The address to return to is not one that the app has registered'
    // The page does not repeat it: it is a text of the sender's choice.
    context.runtime.event({
      type: 'authorize.refused',
      level: 'warning',
      issuer: context.issuer,
      clientId: client.id,
      error: 'invalid_request',
      expected: client.redirectUris.map(withoutQuery).join(' '),
      received: withoutQuery(redirectUri),
      detail,
    })
    throw localError('invalid_request', detail)
  }
  if (client.kind !== 'preregistered' && isOnOrigin(redirectUri, context.issuer))
    throw localError('invalid_request', 'The address to return to is on this server, which is not the app’s')
  return { client, redirectUri, redirectSent: sent !== undefined, state: values.get('state') }
}

/**
 * A stranger's answer must not lead back to this server: from its own page the browser would ask there as if
 * no other site had sent the user, and get a code for a remembered consent (CSRF), also by denying.
 */
const isOnOrigin = (uri: string, issuer: string): boolean => new URL(uri).origin === new URL(issuer).origin

const withoutQuery = (uri: string): string => uri.replace(/[?#].*$/s, '')

/** What is wrong with a document is told to the user, for its developer; why one cannot be had is not (port scan). */
async function findClient(
  { clients }: Context,
  clientId: string,
  request: Request | undefined,
): Promise<Client | undefined> {
  try {
    return await clients.find(clientId, { explain: true, ...(request === undefined ? {} : { request }) })
  } catch (error) {
    if (error instanceof DocumentUnavailableError)
      throw new PageError('invalid_client', {
        title: 'The app cannot be recognised',
        problem: 'The app’s description of itself could not be read',
        advice:
          'Nothing was shared. Wait a minute, then try again; if it happens again, tell the app’s developer.',
      })
    if (error instanceof RefusedDocumentError)
      throw new PageError('invalid_client', {
        title: 'The app cannot be recognised',
        problem: `The app’s description of itself is not in order: ${error.message}`,
        advice: 'Nothing was shared. Only the app’s developer can change this: tell them what is shown here.',
      })
    throw error
  }
}

/** The rest of the request (OAuth 2.1 §4.1.1, RFC 8707 §2). Throws OAuthErrors that the client is to hear of. */
export function checkRequest(
  context: Context,
  target: Target,
  { values, repeated, resources }: AuthorizationParameters,
): AuthorizationRequest {
  const invalid = (description: string): OAuthError => new OAuthError('invalid_request', description)
  if (repeated.length > 0) throw invalid(`${repeated[0]} is sent more than once`)
  if (values.has('request'))
    throw new OAuthError('request_not_supported', 'Send the parameters themselves, not a request object')
  if (values.has('request_uri'))
    throw new OAuthError('request_uri_not_supported', 'Send the parameters themselves, not a request_uri')
  const type = values.get('response_type')
  if (type === undefined) throw invalid('response_type is missing')
  if (type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code')
  if ((values.get('response_mode') ?? 'query') !== 'query') throw invalid('response_mode must be query')
  if (!target.client.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'The client is not registered for authorization codes')
  const codeChallenge = values.get('code_challenge')
  if (codeChallenge === undefined) throw invalid('code_challenge is missing: PKCE is required')
  // An absent method would mean plain (RFC 7636 §4.3).
  if (values.get('code_challenge_method') !== 'S256') throw invalid('code_challenge_method must be S256')
  if (!isCodeChallenge(codeChallenge)) throw invalid('code_challenge is not 43 characters of base64url')
  const found = context.resources.resolve(resources)
  const access = offeredAccess(found, values.get('scope'))
  const prompt = promptOf(values.get('prompt'))
  const maxAge = values.get('max_age')
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) throw invalid('max_age is no number of seconds')
  // It is shown, here or by the login: one printable line.
  const loginHint = shownName(values.get('login_hint') ?? '', 200) || undefined
  return {
    clientId: target.client.id,
    metadataHash: target.client.metadataHash,
    redirectUri: target.redirectUri,
    redirectSent: target.redirectSent,
    ...(target.state === undefined ? {} : { state: target.state }),
    codeChallenge,
    access,
    ...(prompt === undefined ? {} : { prompt }),
    ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
    ...(loginHint === undefined ? {} : { loginHint }),
  }
}

/** The same request as a path of this server, for a way back to it. */
export function requestPath(context: Context, request: AuthorizationRequest): string {
  const { clientId, redirectSent, redirectUri, codeChallenge, access, state, prompt, maxAge, loginHint } =
    request
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectSent ? redirectUri : undefined,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    scope: formatScope(scopesOf(access)) || undefined,
    state,
    prompt,
    max_age: maxAge,
    login_hint: loginHint,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) query.set(name, String(value))
  for (const resource of Object.keys(access)) query.append('resource', resource)
  return `${context.paths.authorize}?${query}`
}

/** What the client wishes of the sign-in. */
export const wishesOf = ({
  prompt,
  maxAge,
  loginHint,
}: AuthorizationRequest): { prompt?: string; maxAge?: number; loginHint?: string } => ({
  ...(prompt === undefined ? {} : { prompt }),
  ...(maxAge === undefined ? {} : { maxAge }),
  ...(loginHint === undefined ? {} : { loginHint }),
})

/** Only these are sent anywhere before the user has acted (OAuth 2.1 §7.12.2; MCP, Open Redirection). */
export const isTrusted = ({ client, redirectUri }: Pick<Target, 'client' | 'redirectUri'>): boolean =>
  client.kind === 'preregistered' || isLoopbackRedirect(redirectUri)

/**
 * What the user may choose from: of each resource what was asked for and exists there (RFC 6749 §3.3), everything if nothing was asked
 * for. `offline_access` is a signal about refresh tokens, not a scope of a resource.
 */
function offeredAccess(resources: readonly Resource[], asked: string | undefined): Access {
  const all: Access = Object.fromEntries(resources.map((each) => [each.resource, Object.keys(each.scopes)]))
  const known = scopesOf(all)
  const parsed = parseScope(asked ?? '')
  if ((asked ?? '').length > maxScope || parsed === undefined)
    throw new OAuthError('invalid_scope', 'scope is malformed')
  const wanted = parsed.filter((each) => each !== 'offline_access' || known.includes(each))
  if (wanted.length === 0) return all
  const offered = narrowAccess(all, (scope) => wanted.includes(scope))
  if (scopesOf(offered).length === 0)
    throw new OAuthError('invalid_scope', 'None of these scopes exists here', { expected: known.join(' ') })
  return offered
}

/** OpenID Connect Core §3.1.2.1: `none` stands alone; values that nobody knows are ignored. */
function promptOf(text: string | undefined): string | undefined {
  const values = (text ?? '')
    .split(' ')
    .filter((each) => ['none', 'login', 'consent', 'select_account'].includes(each))
  if (values.length === 0) return undefined
  if (values.includes('none') && (text ?? '').trim() !== 'none')
    throw new OAuthError('invalid_request', 'prompt=none stands alone')
  return [...new Set(values)].join(' ')
}

/** Shown by this server itself, with the advice of the error page. */
const localError = (code: string, problem: string, status = 400): OAuthError =>
  new OAuthError(code, problem, { status })
