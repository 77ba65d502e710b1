import { OAuthError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import {
  readCodeChallenge,
  refuseRequestObject,
  requireCodeResponse,
  type AuthorizationParameters,
} from '../../protocol/authorization-request.ts'
import { formatScope, parseScope } from '../../protocol/scope.ts'
import type { Context, Resource } from '../context.ts'
import { narrowAccess, scopesOf } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import { cleanText } from '../page/text.ts'
import type { Target } from './target.ts'

/** A checked authorization request. */
export interface AuthorizationRequest {
  readonly clientId: string
  /** Hash of the client's metadata as the user saw it. */
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

const maxScope = 4096

/**
 * The rest of the request: response type, PKCE, resource, scope, prompt (OAuth 2.1 §4.1.1, RFC 8707 §2).
 * Throws OAuthErrors that are meant for the client.
 */
export function checkRequest(
  context: Context,
  target: Target,
  { values, repeated, resources }: AuthorizationParameters,
): AuthorizationRequest {
  if (repeated.length > 0) throw invalid(`${repeated[0]} is sent more than once`)
  refuseRequestObject(values)
  checkResponseType(values, target)
  const codeChallenge = readCodeChallenge(values)
  const access = offeredAccess(context.resources.resolve(resources), values.get('scope'))
  const { client, redirectUri, redirectSent, state } = target
  return {
    clientId: client.id,
    metadataHash: client.metadataHash,
    redirectUri,
    redirectSent,
    codeChallenge,
    access,
    ...defined({ state }),
    ...signInWishes(values),
  }
}

type Values = AuthorizationParameters['values']

const invalid = (description: string): OAuthError => new OAuthError('invalid_request', description)

function checkResponseType(values: Values, { client }: Target): void {
  requireCodeResponse(values)
  if (!client.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'The client is not registered for authorization codes')
}

/**
 * What the user may choose from: of each resource the requested scopes that exist there (RFC 6749 §3.3), or
 * all if none was requested. `offline_access` asks for refresh tokens and is not a scope of a resource.
 */
function offeredAccess(resources: readonly Resource[], scope = ''): Access {
  const all: Access = Object.fromEntries(resources.map((each) => [each.resource, Object.keys(each.scopes)]))
  const known = scopesOf(all)
  const parsed = parseScope(scope)
  if (scope.length > maxScope || parsed === undefined)
    throw new OAuthError('invalid_scope', 'scope is malformed')
  const wanted = parsed.filter((each) => each !== 'offline_access' || known.includes(each))
  if (wanted.length === 0) return all
  const offered = narrowAccess(all, (each) => wanted.includes(each))
  if (scopesOf(offered).length === 0)
    throw new OAuthError('invalid_scope', 'None of these scopes exists here', { expected: known.join(' ') })
  return offered
}

/** How the user is to sign in (OpenID Connect Core §3.1.2.1). */
type SignInWishes = Pick<AuthorizationRequest, 'prompt' | 'maxAge' | 'loginHint'>

function signInWishes(values: Values): SignInWishes {
  const maxAge = values.get('max_age')
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) throw invalid('max_age is not a number of seconds')
  return defined({
    prompt: checkPrompt(values.get('prompt') ?? ''),
    maxAge: maxAge === undefined ? undefined : Number(maxAge),
    // A page shows it, here or at the login.
    loginHint: cleanText(values.get('login_hint') ?? '', 200) || undefined,
  })
}

/** Unknown values are ignored. */
function checkPrompt(text: string): string | undefined {
  const known = ['none', 'login', 'consent', 'select_account']
  const values = text.split(' ').filter((each) => known.includes(each))
  if (values.includes('none') && text.trim() !== 'none')
    throw invalid('prompt=none cannot be combined with another value')
  return [...new Set(values)].join(' ') || undefined
}

/** The part of the request that the sign-in gets. */
export const wishesOf = ({ prompt, maxAge, loginHint }: AuthorizationRequest): SignInWishes =>
  defined({ prompt, maxAge, loginHint })

/** The same request as a path of this server, for a way back to it. */
export function requestPath(context: Context, request: AuthorizationRequest): string {
  const { clientId, redirectSent, redirectUri, codeChallenge, access } = request
  const parameters = defined({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectSent ? redirectUri : undefined,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    scope: formatScope(scopesOf(access)) || undefined,
    state: request.state,
    prompt: request.prompt,
    max_age: request.maxAge?.toString(),
    login_hint: request.loginHint,
  })
  const query = new URLSearchParams(parameters)
  for (const resource of Object.keys(access)) query.append('resource', resource)
  return `${context.paths.authorize}?${query}`
}
