import type { MacSealer } from '../lib/mac-sealer.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { Awaitable, SignIn } from '../types.ts'
import type { TokenEndpointAuthMethod } from '../protocol/client-metadata.ts'
import type { GrantRecord, Grants } from './grants.ts'
import type { InterruptedWrites } from './interrupted-writes.ts'
import type { KeyRing } from './keys.ts'
import type { Links } from './links.ts'
import type { ResolvedOptions } from './options.ts'
import type { Limits } from './rate-limit.ts'
import type { RecordStore } from './scoped-store.ts'

/** What the endpoints share. `createAuthorizationServer` makes it once. */
export interface Context {
  /** As configured, character by character: the same string in metadata, `iss` and tokens. */
  readonly issuer: string
  readonly options: ResolvedOptions
  /** Whether the issuer is https. On an http loopback issuer cookies have neither `Secure` nor `__Host-`. */
  readonly secure: boolean
  readonly runtime: ResolvedRuntime
  readonly sealer: MacSealer
  /** Adds a hash of the issuer to the keys. Every failure is an UnavailableError. */
  readonly store: RecordStore
  readonly signIn: SignIn
  readonly revokeUpstream: ((grantId: string, revoked: GrantRecord) => void) | undefined
  /** Absolute pathnames. */
  readonly paths: Readonly<Record<Endpoint, string>>
  readonly resources: ResourceRegistry
  readonly clients: ClientDirectory
  readonly grants: Grants
  readonly keys: KeyRing
  readonly limits: Limits
  /** Client authentication by `private_key_jwt`. */
  readonly verifyAssertion: VerifyAssertion
  readonly interruptedWrites: InterruptedWrites
  /** With the option `links`. */
  readonly links?: Links | undefined
  /** What this issuer's opaque access tokens begin with. */
  readonly opaquePrefix: string
}

/** @inline */
export type Endpoint =
  'authorize' | 'token' | 'register' | 'revoke' | 'introspect' | 'jwks' | 'account' | 'link'

export interface Client {
  readonly id: string
  readonly kind: 'preregistered' | 'document' | 'registered'
  /** What the client calls itself. Any client can claim any name. */
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: TokenEndpointAuthMethod
  /** A confidential client whose registration names no method may send its secret either way. */
  readonly eitherSecretMethod?: boolean
  /**
   * The keys for `private_key_jwt`. A public client with keys may send an assertion, which must then be
   * valid.
   */
  readonly keys?: ClientKeys
  readonly grantTypes: readonly string[]
  readonly applicationType?: 'web' | 'native'
  readonly clientUri?: string
  readonly logoUri?: string
  /** A hash of all that a user consents to. Part of the key of a remembered consent. */
  readonly metadataHash: string
  /** False if the client has no secret. */
  checkSecret(secret: string): Promise<boolean>
}

/** A JWK as a client publishes it. */
export type ClientJwk = Readonly<Record<string, unknown>>

/**
 * The public keys of a client, or the URL of its key set (RFC 7591 §2), and the algorithms that it may sign
 * with.
 */
export interface ClientKeys {
  readonly from: readonly ClientJwk[] | string
  readonly algorithms: readonly string[]
}

/**
 * Whether this assertion was signed by the client and is presented for the first time. Rejects with
 * UnavailableError if the keys or the store cannot be read.
 */
export type VerifyAssertion = (client: Client, assertion: string) => Promise<boolean>

export interface ClientDirectory {
  /** The clients of the configuration, by id. */
  readonly preregistered: ReadonlyMap<string, Client>
  /** The client; undefined if it is unknown or blocked. Rejects with UnavailableError. */
  find(clientId: string, options?: FindOptions): Promise<Client | undefined>
  /** As `find`, also for a blocked client. */
  lookUp(clientId: string, options?: FindOptions): Promise<Client | undefined>
  /**
   * Refuses the client from now on. Guards with `checkRevocation` refuse its access tokens within a minute.
   */
  block(clientId: string): Promise<void>
  /** Synchronous if this isolate has asked the store within the last minute. */
  isBlocked(clientId: string): Awaitable<boolean>
  /** Extends the life of a registered client that a user approves. */
  extendLife(clientId: string): Promise<void>
}

/** For clients whose metadata may have to be fetched. */
export interface FindOptions {
  /** The request that causes the fetch, for the rate limit of its caller. */
  readonly request?: Request
  /** Decides before a fetch. If it resolves with false, the client counts as unknown. */
  readonly mayFetch?: () => Promise<boolean>
  /** Reject with RefusedDocumentError, which says what is wrong, if the document is refused. */
  readonly explain?: boolean
}

export interface Resource {
  /** As configured: the value of `aud`. */
  readonly resource: string
  readonly name?: string
  /** Each scope with its description for the consent page. */
  readonly scopes: Readonly<Record<string, string>>
  /** The user cannot deselect these on the consent page. */
  readonly requiredScopes: readonly string[]
  readonly accessTokens: 'jwt' | 'opaque'
  /** Lifetime of an access token in seconds. */
  readonly lifetime: number
  /** Secrets of the resource server at the introspection endpoint. If there is none, it cannot introspect. */
  readonly introspectionSecrets: readonly string[]
}

export interface ResourceRegistry {
  readonly all: readonly Resource[]
  find(requested: string): Resource | undefined
  /**
   * The resources of a request; of one that names none, the default. Throws OAuthError `invalid_target` (RFC
   * 8707 §2).
   */
  resolve(requested: readonly string[]): Resource[]
}
