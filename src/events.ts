/**
 * Every type of event; `docs/reference/events.md` says when each is told, and with which members.
 */
export type TollgateEventType =
  CommonEventType | GuardEventType | AuthorizationServerEventType | UpstreamEventType | ClientEventType

/** Told by every role. */
export type CommonEventType = 'option.weakening' | 'part.failed'

/** Told by the resource server. */
export type GuardEventType =
  | 'token.accepted'
  | 'token.missing'
  | 'token.rejected'
  | 'scope.insufficient'
  | 'authentication.insufficient'
  | 'request.refused'
  | 'verifier.unavailable'
  | 'keys.unavailable'
  | 'keys.truncated'
  | 'introspection.refused'

/** Told by the authorization server. */
export type AuthorizationServerEventType =
  | 'client.registered'
  | 'client.metadata-dropped'
  | 'client.document-refused'
  | 'client.rejected'
  | 'client.assertion-replayed'
  | 'client.blocked'
  | 'authorize.refused'
  | 'consent.asked'
  | 'consent.denied'
  | 'sign-in.finished'
  | 'sign-in.refused'
  | 'page.refused'
  | 'grant.created'
  | 'approval.repeated'
  | 'grant.denied'
  | 'grant.narrowed'
  | 'grant.evicted'
  | 'grant.revoked'
  | 'code.redeemed'
  | 'code.replayed'
  | 'token.refreshed'
  | 'refresh.repeated'
  | 'refresh.unrecognised'
  | 'refresh.ahead'
  | 'refresh.reused'
  | 'token.refused'
  | 'token.revoked'
  | 'account.linked'
  | 'account.unlinked'
  | 'account.link-refused'
  | 'rate.limited'
  | 'rate.unavailable'
  | 'address.unreadable'
  | 'clock.skewed'
  | 'keys.stale'
  | 'record.damaged'
  | 'server.unavailable'
  | 'server.error'

/** Told by the sign-in through an identity provider. */
export type UpstreamEventType =
  | 'upstream.refused'
  | 'upstream.renewed'
  | 'upstream.renewal-failed'
  | 'upstream.ended'
  | 'upstream.revocation-failed'

/** Told by the client, which also tells `client.registered`. */
export type ClientEventType =
  | 'client.authorized'
  | 'client.discovery-failed'
  | 'client.authorization-failed'
  | 'client.registration-refused'
  | 'client.prompt-refused'
  | 'client.resource-refused'
  | 'client.refresh-failed'
  | 'client.refresh-refused'
  | 'client.step-up-refused'
  | 'client.issuer-changed'
  | 'client.signed-out'
  | 'client.revocation-failed'

/** What happened, for an audit log and for metrics. Carries no credential: ids and codes only. */
export interface TollgateEvent {
  /** Dotted name, for example `token.rejected`, `code.replayed`, `refresh.reused`, `grant.revoked`. */
  readonly type: TollgateEventType
  /** Seconds since the epoch. */
  readonly at: number
  /**
   * How bad: `info` is normal operation, `warning` a refused request or an outage, `alert` looks like an
   * attack or a fault.
   */
  readonly level: 'info' | 'warning' | 'alert'
  /** The authorization server that it is about. */
  readonly issuer?: string
  /** The resource that it is about. */
  readonly resource?: string
  /** The OAuth client, as far as it is known. */
  readonly clientId?: string
  /** The user, as far as it is known. */
  readonly subject?: string
  /** The grant, or its id to be if the user approves: correlates the events of one authorization. */
  readonly grantId?: string
  /** The OAuth error code, if one was answered. */
  readonly error?: string
  /** The HTTP status of the answer, if one was given. Absent: no answer. */
  readonly status?: number
  /** The operation that was asked for, for example `tools/call write_note`. */
  readonly operation?: string
  /** The scopes that the request lacked. */
  readonly missingScopes?: readonly string[]
  /** What should have come, for example our issuer or resource. Never a secret. */
  readonly expected?: string
  /** What came instead: bounded and cleaned, never a secret. */
  readonly received?: string
  /** The caller's address, as the deployment's `clientAddress` tells it. */
  readonly address?: string
  /** Seconds that a limit, an outage or a lifetime lasts. Absent if the event has none. */
  readonly duration?: number
  /** How many equal events this one stands for. Default: 1. */
  readonly count?: number
  /** Short, bounded, free of control characters and of credentials. */
  readonly detail?: string
}

/** Where an error happened that the caller's own code, a store or a cache threw. */
export interface ErrorContext {
  /** The part that threw, for example `signIn.identify` or `store.get`. */
  readonly where: string
  /** The request that was being answered, if there was one. */
  readonly request?: Request
}
