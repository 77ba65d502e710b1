import type { ResourceServer } from '../index.ts'
import { defined } from '../lib/defined.ts'
import { func, readOptions, strings, text } from '../lib/options.ts'
import type { AuthInfo, Runtime } from '../types.ts'
import { sdkErrors, type SdkErrors } from './mcp-errors.ts'
import { askGuard, findResource, type Question } from './mcp-guard.ts'
import { admitOf } from './route.ts'

export type { SdkErrorClass, SdkErrors } from './mcp-errors.ts'

/** Options of {@link bearerAuth} and {@link tokenVerifier}. */
export interface TokenVerifierOptions {
  /** Which of several resources the tokens are for. Default: the only one. */
  resource?: string
  /** Scopes that each token needs beside the resource's `requiredScopes`. Default: none. */
  scopes?: readonly string[]
  /**
   * For SDK v1, which recognises only errors of its own classes: all that
   * `@modelcontextprotocol/sdk/server/auth/errors.js` exports. Without them it answers each refusal with
   * 500. Default: errors that SDK v2 recognises.
   */
  errors?: SdkErrors
  /**
   * Receives what neither the token nor an outage explains, for example a clock that throws. The client gets
   * 500. Outages and what your own verifiers throw go to `onError` of the resource server. Default:
   * `console.error`.
   */
  onError?: Runtime['onError']
}

/** The official SDK's `OAuthTokenVerifier`, v1 and v2, without depending on the SDK. */
export interface OAuthTokenVerifier<P = unknown> {
  /** Who is calling. Rejects with an error that the SDK answers with 401, 403 or 500. */
  verifyAccessToken(token: string): Promise<SdkAuthInfo<P>>
}

/** `AuthInfo`, with what SDK v2 would otherwise add to a copy that lacks the hidden members. */
export interface SdkAuthInfo<P = unknown> extends AuthInfo<P> {
  /** Where the metadata of the resource is (RFC 9728 §3). */
  readonly resourceMetadataUrl: string
}

/** Options of the SDK's `requireBearerAuth`, v1 and v2. */
export interface BearerAuth<P = unknown> {
  /** Verifies tokens with the guard. */
  readonly verifier: OAuthTokenVerifier<P>
  /** Those of the resource, and those of the options. */
  readonly requiredScopes: string[]
  /** For the challenge (RFC 9728 §5.1). */
  readonly resourceMetadataUrl: string
}

/**
 * The options of the official SDK's own `requireBearerAuth` (v1, and v2 with its `verifyBearerToken`):
 * verifier, scopes, and where the metadata is. The metadata itself is served by `rs.handle`, or by
 * `endpoints(rs)` of an adapter. If you can choose, use `guard(rs)` or `rs.protect()`, which also check what
 * a verifier never sees (Host, Origin, several credentials, operations), and answer 503 in an outage.
 *
 * @throws ConfigurationError if an option is wrong or unknown, or does not say which of several resources.
 * @see [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750), [RFC 9728
 * §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)
 *
 * @example
 * app.post('/mcp', requireBearerAuth(bearerAuth(rs, { errors })), handleMcp) // SDK v1
 * const gate = requireBearerAuth(bearerAuth(rs)) // SDK v2
 */
export function bearerAuth<P = unknown>(
  rs: ResourceServer<P>,
  options: TokenVerifierOptions = {},
): BearerAuth<P> {
  const verifier = createVerifier('bearerAuth', rs, options)
  const { requiredScopes, metadataUrl } = findResource('bearerAuth', rs, options.resource)
  return {
    verifier,
    requiredScopes: [...new Set([...requiredScopes, ...(options.scopes ?? [])])],
    resourceMetadataUrl: metadataUrl,
  }
}

/**
 * The official SDK's `OAuthTokenVerifier`, v1 and v2: each token goes through the guard of the resource
 * server, with its token cache, its events and its checks of revocation. It rejects with errors that the SDK
 * answers with 401 `invalid_token`, 403 `insufficient_scope`, 400 `invalid_request`, and in an outage with
 * 500 and `temporarily_unavailable`; for SDK v2, the error has `status` 503 and `retryAfter`.
 *
 * @throws ConfigurationError if an option is wrong or unknown, or does not say which of several resources.
 */
export function tokenVerifier<P = unknown>(
  rs: ResourceServer<P>,
  options: TokenVerifierOptions = {},
): OAuthTokenVerifier<P> {
  return createVerifier('tokenVerifier', rs, options)
}

function createVerifier<P>(
  caller: string,
  rs: ResourceServer<P>,
  options: TokenVerifierOptions,
): OAuthTokenVerifier<P> {
  const { resource, scopes, errors, onError } = readOptions(
    caller,
    options,
    { resource: text(), scopes: strings(), errors: sdkErrors(), onError: func() },
    {
      requiredScopes: 'scopes',
      expectedResource: 'it is the resource of the resource server',
      resourceMetadataUrl: 'it follows from the resource',
    },
  )
  const target = findResource(caller, rs, resource)
  const admit = admitOf(rs, { resource: target.resource, ...defined({ scopes }) })
  const question: Question<P> = { where: 'verifyAccessToken', admit, optional: false, errors, onError }
  const known = new WeakMap<AuthInfo<P>, SdkAuthInfo<P>>()
  return {
    async verifyAccessToken(token) {
      const auth = await askGuard(question, requestWith(token, target.resource))
      // Only `optional` admits a request without a token.
      return known.get(auth!) ?? remember(known, auth!, target.metadataUrl)
    },
  }
}

/** The guard judges requests. Of a token that no header can carry, it judges an empty one. */
function requestWith(token: unknown, resource: string): Request {
  const sendable = typeof token === 'string' && /^[\x21-\x7e]*$/.test(token) ? token : ''
  return new Request(resource, { headers: { authorization: `Bearer ${sendable}` } })
}

/**
 * Of an `AuthInfo` without this URL, SDK v2 makes a copy, which would have neither the token nor the methods:
 * they are not enumerable.
 */
function remember<P>(
  known: WeakMap<AuthInfo<P>, SdkAuthInfo<P>>,
  auth: AuthInfo<P>,
  metadataUrl: string,
): SdkAuthInfo<P> {
  const members = Object.getOwnPropertyDescriptors(auth)
  const url = { value: metadataUrl, enumerable: true }
  const copy = Object.freeze(Object.defineProperties({}, { ...members, resourceMetadataUrl: url }))
  known.set(auth, copy as SdkAuthInfo<P>)
  return copy as SdkAuthInfo<P>
}
