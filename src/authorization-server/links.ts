import type { html } from 'hono/html'

import type { UpstreamToken } from '../types.ts'
import type { Context } from './context.ts'

/** Linked accounts as an option. `linkedAccounts({ … })` of `tollgate/linked-accounts` makes it. */
export interface LinkedAccounts {
  /**
   * Called once by `createAuthorizationServer`. Throws ConfigurationError.
   *
   * @internal
   */
  attach(context: Context): Links
}

/** The user and the grant of the access token with which a tool asks. */
export interface LinkUser {
  readonly subject: string
  readonly grantId: string
}

type Handler = (request: Request) => Promise<Response>

/** Linked accounts of one server. What reads the store rejects with UnavailableError. */
export interface Links {
  /** Handlers by pathname. Those of callbacks pass sign-ins on to the given handler of the same path. */
  routes(given: ReadonlyMap<string, Handler>): ReadonlyMap<string, Handler>
  /** Where this user links an account. Rejects with ConfigurationError for a provider without `links`. */
  url(user: LinkUser, provider: string): Promise<URL>
  /**
   * A token of the linked account; rejects with `account_not_linked` if there is none. If `links` has no such
   * name, what `own` resolves with: a token of the provider that the user signed in with.
   */
  upstream(
    subject: string,
    provider: string | undefined,
    own: () => Promise<UpstreamToken | undefined>,
  ): Promise<UpstreamToken | undefined>
  /** Whether the user has linked an account at the provider with this issuer. */
  has(subject: string, issuer: string): Promise<boolean>
  /** The linked accounts on the account page, if there are any. */
  section(
    subject: string,
    form: { readonly path: string; readonly sealed: string },
  ): Promise<ReturnType<typeof html> | undefined>
  /** Ends the link with this provider, or with all of them. */
  unlink(subject: string, provider?: string): Promise<void>
}
