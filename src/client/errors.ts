import { OAuthError } from '../errors.ts'
import type { AuthorizationRequest } from './options.ts'

/** A person has to approve first: send the browser to `url`, and hand the request at the redirect URI to `client.callback`. */
export class AuthorizationRequiredError extends OAuthError {
  /** The authorization request, ready to be opened. */
  readonly url: URL
  /** Which MCP server asks for what, and where: to be shown to the person before the browser goes there. */
  readonly request: AuthorizationRequest

  constructor(url: URL, request: AuthorizationRequest) {
    const { server, issuer, scopes } = request
    const wish = scopes === undefined ? 'access' : JSON.stringify(scopes.join(' '))
    super(
      'authorization_required',
      `${server} asks for ${wish} at ${issuer}: a person has to approve; open the URL in a browser`,
      { status: 401 },
    )
    this.request = request
    // Not enumerable: the URL carries the state, and errors end up in logs.
    this.url = url
    Object.defineProperty(this, 'url', { value: url, enumerable: false })
  }
}

/** What a server said is not usable: another issuer or resource than asked for, a missing endpoint, no S256. */
export const refused = (code: string, description: string): OAuthError =>
  new OAuthError(code, description, { status: 502 })
