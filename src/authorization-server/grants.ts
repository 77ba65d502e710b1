import type { UpstreamTokens } from '../types.ts'
import type { Choices } from './options.ts'

/**
 * Scopes by resource, as configured: two resources may use one scope name for different things.
 *
 * @inline
 */
export type Access = Readonly<Record<string, readonly string[]>>

/** A grant as the application and the user see it. */
export interface Grant {
  /** For `grants.revoke`. */
  readonly id: string
  /** The client that was approved. */
  readonly clientId: string
  /** What the client called itself when it was approved. */
  readonly clientName: string | undefined
  /** The identifiers of the resources that it is for (RFC 8707). */
  readonly resources: readonly string[]
  /** The scopes of all resources, each once. */
  readonly scopes: readonly string[]
  /** Scopes by resource: two resources may use one scope name for different things. */
  readonly access: Access
  /** What the user chose at consent, by name. */
  readonly choices: Choices
  /** Seconds since the epoch. */
  readonly created: number
  /** Of the last code or refresh token, in seconds since the epoch. */
  readonly lastUsed: number
  /** When it ends unless it is used, in seconds since the epoch. */
  readonly expires: number
}

/** What a user has approved. */
export interface NewGrant {
  id: string
  clientId: string
  clientName: string | undefined
  subject: string
  access: Access
  /** Undefined if the authorization request had none. */
  redirectUri: string | undefined
  codeChallenge: string
  /**
   * Seconds since the epoch until which the same form may be submitted again; the record lives at least as
   * long.
   */
  repeatableUntil?: number
  /** A consent to remember: its key, the redirect URI's host, and its end. */
  consent?: { key: string; host: string; expires: number; choices?: Choices }
  choices?: Choices
  props?: unknown
  upstream?: UpstreamTokens
  authTime?: number
  acr?: string
}

/** A grant as it is stored. Secrets are stored as hashes or sealed. Times are seconds since the epoch. */
export interface GrantRecord {
  state: 'live' | 'revoked'
  client: string
  clientName?: string
  subject: string
  resources: readonly string[]
  /** The scopes of all resources, each once. */
  scopes: readonly string[]
  /** Scopes by resource, if there are several resources. */
  access?: Access
  created: number
  /** The end of the record: of the code until it is redeemed, then of the refresh token. */
  expires: number
  epoch: number
  /** Hash of the code. It stays after redemption, so that a replay is recognised. */
  code?: string
  codeExpires?: number
  redirectUri?: string
  challenge?: string
  redeemed?: number
  /** Hashes of the refresh token's parts: the series is constant, the secret changes at each rotation. */
  series?: string
  current?: string
  previous?: string
  rotated?: number
  generation?: number
  /** How often this generation was issued again, and in how many generations in a row that happened. */
  repeats?: number
  repeatedInARow?: number
  /** Access tokens that were revoked one by one, with their expiry. */
  revokedTokens?: readonly (readonly [jti: string, expires: number])[]
  authTime?: number
  acr?: string
  props?: string
  /** Not empty. */
  choices?: Choices
  upstream?: string
}

/** A consent that the user is not asked for again. */
export interface RememberedConsent {
  /** A hash of everything that the user agreed to. */
  key: string
  /** A hash of the client's id. */
  client: string
  clientName?: string
  /** Host of the redirect URI. */
  host: string
  choices?: Choices
  /** A later epoch ends it. */
  epoch: number
  expires: number
}

/** The grants of all users. Every method rejects with UnavailableError if the store is down. */
export interface Grants {
  /**
   * Writes the grant and resolves with the secret of its code. For the same approval again, while its code is
   * neither redeemed nor expired, with the same secret; otherwise `'taken'`.
   */
  create(grant: NewGrant): Promise<string | 'taken'>
  /** Whether a grant of this id exists, live or revoked. */
  exists(id: string): Promise<boolean>
  /** The record; undefined if it is absent, revoked or of an earlier epoch. */
  live(id: string): Promise<GrantRecord | undefined>
  /** Revokes one grant of the user, or all of them, with the remembered consents of their clients. */
  revoke(subject: string, id?: string): Promise<void>
  /** Revokes the grant of this id, if there is one. */
  revokeGrant(id: string): Promise<void>
  /** Revokes one access token. The 33rd that has not expired revokes the grant. */
  revokeToken(id: string, jti: string, expires: number): Promise<void>
  /** The user's live grants. */
  list(subject: string): Promise<Grant[]>
  /** The user's remembered consents. */
  consents(subject: string): Promise<RememberedConsent[]>
  forgetConsent(subject: string, key: string): Promise<void>
}
