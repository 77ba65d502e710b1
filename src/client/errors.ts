import { OAuthError } from '../errors.ts'
import { oneLine } from '../lib/runtime.ts'
import type { AuthorizationRequest } from './options.ts'
import type { ServerRecord } from './storage/records.ts'

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

/** A server said something else than it must: with the value that came, the one that was expected, and where it stood. */
export class MismatchError extends OAuthError {
  override readonly received: string | undefined
  override readonly expected: string | undefined
  /** The document that said so. */
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

/** The server refuses `prompt`: the same request is worth one more try without it. Never reaches a caller. */
export class PromptRefusedError extends OAuthError {
  readonly again: { server: string; found: ServerRecord; scopes: string[] | undefined }

  constructor(description: string, again: PromptRefusedError['again']) {
    super('invalid_request', description)
    this.again = again
  }
}

/** What a server said is not usable: a missing endpoint, no S256. Text of a stranger is cleaned here, once: no terminal escapes. */
export const refused = (code: string, description: string): OAuthError =>
  new OAuthError(code, oneLine(description, 1000), { status: 502 })

/** The answer at the redirect URI is not one to our request. */
export const rejected = (description: string): OAuthError =>
  new OAuthError('invalid_callback', oneLine(description, 1000))
