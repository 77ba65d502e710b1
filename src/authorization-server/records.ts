import type { UpstreamTokens } from '../types.ts'

/** One authorization of one client by one user. */
export interface NewGrant {
  id: string
  clientId: string
  clientName: string | undefined
  subject: string
  resources: readonly string[]
  scopes: readonly string[]
  /** Undefined: the request named none. */
  redirectUri: string | undefined
  codeChallenge: string
  /** Whether the client may refresh (its grant types). Default: true. */
  refreshable?: boolean
  props?: unknown
  upstream?: UpstreamTokens
  authTime?: number
  acr?: string
}

/** A grant as the application and the user see it. */
export interface Grant {
  readonly id: string
  readonly clientId: string
  readonly clientName: string | undefined
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  /** Seconds since the epoch. */
  readonly created: number
  readonly lastUsed: number
  readonly expires: number
}

/** A remembered consent: the key holds everything that was agreed to, hashed. */
export interface Consent {
  readonly key: string
  readonly clientId: string
  /** Seconds since the epoch. */
  readonly expires: number
}

export interface Grants {
  /** Writes the grant: first the user's list, then the grant itself. The code, or `'taken'` where a grant of this id exists. */
  create(grant: NewGrant): Promise<string | 'taken'>
  /** Whether a grant of this id exists, live or revoked. */
  exists(id: string): Promise<boolean>
  /** Revokes one grant of the user, or all, and forgets the consents that belong to it. */
  revoke(subject: string, id?: string): Promise<void>
  /** The user's live grants. */
  list(subject: string): Promise<Grant[]>
  /** Whether the user agreed to exactly this before, and it still holds. */
  isRemembered(subject: string, key: string): Promise<boolean>
  rememberConsent(subject: string, consent: Consent): Promise<void>
}
