import { OAuthError } from '../../errors.ts'
import {
  readAuthorizationParameters,
  type AuthorizationParameters,
} from '../../protocol/authorization-request.ts'
import { redirectProblem, type RedirectTarget } from '../browser/redirect.ts'
import { RefusedDocumentError } from '../client/documents-policy.ts'
import { DocumentUnavailableError } from '../client/fetch.ts'
import type { Client, Context } from '../context.ts'
import { PageError } from '../page-error.ts'
import type { AuthorizationRequest } from './request.ts'

/**
 * Where the answer goes. It is checked first, because every later error is sent there (OAuth 2.1 §4.1.2.1).
 */
export interface Target extends RedirectTarget {
  /** The request named the redirect URI, so the token request may have to repeat it. */
  readonly redirectSent: boolean
  readonly state: string | undefined
}

const maxQuery = 16_384

/** The parameters of the request. Throws an OAuthError above 16 kB. */
export function readParameters(request: Request): AuthorizationParameters & { signedIn: string | undefined } {
  const { search, searchParams } = new URL(request.url)
  if (search.length > maxQuery) throw localError('The request is too long', 414)
  return {
    ...readAuthorizationParameters(searchParams),
    signedIn: searchParams.get('signed_in') ?? undefined,
  }
}

/**
 * Client and exact redirect URI (OAuth 2.1 §2.3). Errors are shown by this server itself, because no redirect
 * URI can be trusted yet.
 */
export async function findTarget(
  context: Context,
  httpRequest: Request,
  { values, repeated }: AuthorizationParameters,
): Promise<Target> {
  const clientId = values.get('client_id')
  if (clientId === undefined || repeated.includes('client_id'))
    throw localError('The request does not say which app it comes from')
  const client = await findClient(context, clientId, httpRequest)
  if (client === undefined)
    throw new OAuthError('invalid_client', 'No app with this identifier is registered here')
  const sent = values.get('redirect_uri')
  if (repeated.includes('redirect_uri'))
    throw localError('The request names more than one address to return to')
  const redirectUri = sent ?? (client.redirectUris.length === 1 ? client.redirectUris[0] : undefined)
  if (redirectUri === undefined)
    throw localError('The request does not say where to return to, and the app has several addresses')
  const problem = redirectProblem(context, { client, redirectUri })
  if (problem === 'unregistered') throw unregisteredRedirect(context, client, redirectUri)
  if (problem === 'own-origin')
    throw localError('The address to return to is on this server, which is not the app’s')
  return { client, redirectUri, redirectSent: sent !== undefined, state: values.get('state') }
}

/**
 * The target of an earlier request as it is now. Undefined if what the user saw of the client is no longer
 * true. Throws `invalid_client` if the client is gone.
 */
export async function findTargetAgain(
  context: Context,
  { clientId, redirectUri, redirectSent, state, metadataHash }: AuthorizationRequest,
): Promise<Target | undefined> {
  const client = await context.clients.find(clientId)
  if (client === undefined) throw new OAuthError('invalid_client', 'This app may not connect any more')
  const isChanged = client.metadataHash !== metadataHash || redirectProblem(context, { client, redirectUri })
  return isChanged ? undefined : { client, redirectUri, redirectSent, state }
}

/**
 * The user gets to know what is wrong with a client document, but not why it cannot be fetched (SSRF: port
 * scan).
 */
async function findClient(
  { clients }: Context,
  clientId: string,
  request: Request,
): Promise<Client | undefined> {
  try {
    return await clients.find(clientId, { request, explain: true })
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

/** The event says both URIs; the page does not repeat what the sender wrote. */
function unregisteredRedirect(context: Context, client: Client, redirectUri: string): OAuthError {
  const detail = 'The address to return to is not one that the app has registered'
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
  return localError(detail)
}

const withoutQuery = (uri: string): string => uri.replace(/[?#].*$/s, '')

/** Shown by this server, with the advice of the error page. */
const localError = (problem: string, status = 400): OAuthError =>
  new OAuthError('invalid_request', problem, { status })
