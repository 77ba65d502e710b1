import type { Keyring } from '../lib/seal.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { SignIn } from '../types.ts'
import type { TokenEndpointAuthMethod } from '../protocol/client-metadata.ts'
import type { VerifyAssertion } from './client/assertion.ts'
import type { ClientKeys } from './client/keys.ts'
import type { ClientDirectory } from './client/directory.ts'
import type { KeyRing } from './key/ring.ts'
import type { ResolvedOptions } from './options.ts'
import type { Limits } from './rate-limit.ts'
import type { Grants } from './grant/grants.ts'
import type { RecordStore } from './scoped-store.ts'
import type { Unanswered } from './unanswered.ts'

/** What the endpoints share. Made once, by `createAuthorizationServer`. */
export interface Context {
  /** Verbatim, as configured: the same string in metadata, `iss` and tokens. */
  readonly issuer: string
  readonly options: ResolvedOptions
  /** The issuer is https; on an http loopback issuer cookies carry neither `Secure` nor `__Host-`. */
  readonly secure: boolean
  readonly runtime: ResolvedRuntime
  readonly keyring: Keyring
  /** Keys are already prefixed by a hash of the issuer; every failure is an UnavailableError. */
  readonly store: RecordStore
  readonly signIn: SignIn
  /** Absolute pathnames. */
  readonly paths: Readonly<Record<Endpoint, string>>
  readonly resources: ResourceRegistry
  readonly clients: ClientDirectory
  readonly grants: Grants
  readonly keys: KeyRing
  readonly limits: Limits
  /** Client authentication by `private_key_jwt`. */
  readonly verifyAssertion: VerifyAssertion
  /** By the hash of a code or refresh token: what a call that ended in 503 had tried. */
  readonly unanswered: Unanswered
  /** How this issuer's opaque access tokens start. */
  readonly opaquePrefix: string
}

export type Endpoint = 'authorize' | 'token' | 'register' | 'revoke' | 'introspect' | 'jwks' | 'account'

export interface Client {
  readonly id: string
  readonly kind: 'preregistered' | 'document' | 'registered'
  /** What the client calls itself; anybody can claim any name. */
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: TokenEndpointAuthMethod
  /** A confidential client whose registration names no method may send its secret either way. */
  readonly eitherSecretMethod?: boolean
  /** What it signs with. A public client with keys may send an assertion, which must then be valid. */
  readonly keys?: ClientKeys
  readonly grantTypes: readonly string[]
  readonly applicationType?: 'web' | 'native'
  readonly clientUri?: string
  readonly logoUri?: string
  /** Changes with whatever a user consented to; part of the key of a remembered consent. */
  readonly metadataHash: string
  /** False where the client has no secret. */
  checkSecret(secret: string): Promise<boolean>
}

export interface Clients {
  /** The client, or undefined: unknown or blocked. Throws UnavailableError. */
  find(clientId: string, how?: FindOptions): Promise<Client | undefined>
}

/** For clients whose metadata may have to be fetched. */
export interface FindOptions {
  /** Who asks, for the limit of each caller. */
  readonly request?: Request
  /** Asked before something is fetched; false: the client counts as unknown. */
  readonly mayFetch?: () => Promise<boolean>
  /** Throw RefusedDocumentError, which says what is wrong, for a document that is refused. */
  readonly explain?: boolean
}

export interface Resource {
  /** As configured: what stands in `aud`. */
  readonly resource: string
  readonly name?: string
  /** Scope and what it means, for the consent page. */
  readonly scopes: Readonly<Record<string, string>>
  /** Without these nothing works there: fixed on the consent page. */
  readonly requiredScopes: readonly string[]
  readonly accessTokens: 'jwt' | 'opaque'
  /** Of an access token, in seconds. */
  readonly lifetime: number
  /** What the resource server may authenticate with at the introspection endpoint; none: it cannot. */
  readonly introspectionSecrets: readonly string[]
}

export interface ResourceRegistry {
  readonly all: readonly Resource[]
  find(requested: string): Resource | undefined
  /** What a request for these means; none: the only one or the default. Throws OAuthError `invalid_target` (RFC 8707 §2). */
  resolve(requested: readonly string[]): Resource[]
}
