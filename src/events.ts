/** What happened, for an audit log and for metrics. Carries no credential: ids and codes only. */
export interface TollgateEvent {
  /** Dotted name, for example `token.rejected`, `code.replayed`, `refresh.reused`, `grant.revoked`. */
  readonly type: string
  /** Seconds since the epoch. */
  readonly at: number
  /** How bad: `info` is normal life, `warning` a refused request, `alert` looks like an attack. */
  readonly level: 'info' | 'warning' | 'alert'
  readonly issuer?: string
  readonly resource?: string
  readonly clientId?: string
  readonly subject?: string
  readonly grantId?: string
  /** The OAuth error code, where one was answered. */
  readonly error?: string
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
  /** Seconds that a limit, an outage or a lifetime lasts. */
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
