import { isOAuthError, OAuthError } from '../errors.ts'
import { oneLine } from '../lib/runtime.ts'
import type { AuthorizationRequest } from './types.ts'

/**
 * The user has to approve first: send the browser to `url`, and pass the request at the redirect URI to
 * `client.callback`. Code `authorization_required`.
 */
export class AuthorizationRequiredError extends OAuthError {
  /**
   * The authorization request, ready to be opened. Not enumerable: it carries the `state`, and errors end up
   * in logs.
   */
  readonly url: URL
  /**
   * Which MCP server asks for what, and at which issuer: show it to the user before the browser goes there.
   */
  readonly request: AuthorizationRequest

  constructor(url: URL, request: AuthorizationRequest) {
    const { server, issuer, scopes } = request
    const wish = scopes === undefined ? 'access' : JSON.stringify(scopes.join(' '))
    super(
      'authorization_required',
      `${server} asks for ${wish} at ${issuer}: the user has to approve; open the URL in a browser`,
      { status: 401 },
    )
    this.request = request
    this.url = url
    Object.defineProperty(this, 'url', { value: url, enumerable: false })
  }
}

/** Whether a value is an {@link AuthorizationRequiredError}, also one of another copy of this module. */
export const isAuthorizationRequiredError = (value: unknown): value is AuthorizationRequiredError =>
  isOAuthError(value) && value.code === 'authorization_required' && 'url' in value

/**
 * A server's document does not say what it must: the value that it has, the value that was expected, and the
 * document's URL. Code `issuer_mismatch`, `resource_mismatch` or `no_metadata`.
 */
export class MismatchError extends OAuthError {
  override readonly received: string | undefined
  override readonly expected: string | undefined
  /** The document that has the value. */
  readonly documentUrl: string | undefined

  constructor(
    code: string,
    description: string,
    about: { received?: string | undefined; expected?: string; documentUrl?: string },
  ) {
    super(code, oneLine(description, 1000), { status: 502 })
    this.received = about.received
    this.expected = about.expected
    this.documentUrl = about.documentUrl
  }
}

/** What arrived at the redirect URI is not the answer to our request. */
export const callbackError = (description: string): OAuthError =>
  new OAuthError('invalid_callback', oneLine(description, 1000))
