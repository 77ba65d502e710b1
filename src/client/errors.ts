import { OAuthError } from '../errors.ts'

/** A person has to approve first: send him to `url`, and hand his way back to `client.callback`. */
export class AuthorizationRequiredError extends OAuthError {
  /** The authorization request, ready to be opened. */
  readonly url: URL

  constructor(url: URL) {
    super('authorization_required', 'A person has to approve the access; open the URL in a browser', {
      status: 401,
    })
    // Not enumerable: the URL carries the state, and errors end up in logs.
    this.url = url
    Object.defineProperty(this, 'url', { value: url, enumerable: false })
  }
}

/** What a server said is not usable: another issuer or resource than asked for, a missing endpoint, no S256. */
export const refused = (code: string, description: string): OAuthError =>
  new OAuthError(code, description, { status: 502 })
