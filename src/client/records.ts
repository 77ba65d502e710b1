import { base64url, utf8 } from '../lib/bytes.ts'
import { hasShape, recordCodec, type Codec, type Shape } from '../lib/codec.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import type { ClientStorage } from './types.ts'

/** What discovery found for one MCP server. */
export interface ServerRecord {
  issuer: string
  metadata: AuthorizationServerMetadata
  /**
   * As the document writes it, byte for byte. Undefined: the server has no document (revision 2025-03-26).
   */
  resource?: string
  scopesSupported?: string[]
  dpopRequired?: true
}

/** A registration at one issuer. */
export interface RegistrationRecord {
  issuer: string
  clientId: string
  clientSecret?: string
  method?: string
  /** Absent: `askForClient` gave the client id. */
  redirectUri?: string
  /** The registered scopes. Absent: the registration says nothing about scopes. */
  scopes?: string[]
  /** Seconds since the epoch: when the secret expires. */
  expiresAt?: number
}

/** The tokens of one issuer, resource and subject. */
export interface TokenRecord {
  issuer: string
  /** The resource identifier; absent if the server has no metadata document. */
  resource?: string
  clientId: string
  accessToken: string
  type: 'bearer' | 'dpop'
  /** Seconds since the epoch. */
  expiresAt?: number
  /** Seconds since the epoch: from then on the token is renewed. */
  renewAt?: number
  refreshToken?: string
  /** The granted scopes, if the server said so. */
  granted?: string[]
  /** The requested scopes. */
  asked?: string[]
  /** Thumbprint of the key that the tokens are bound to. */
  jkt?: string
}

/** A pending authorization: what its answer is checked against. */
export interface FlowRecord {
  server: string
  found: ServerRecord
  subject: string
  clientId: string
  redirectUri: string
  verifier: string
  scopes?: string[]
  /** `prompt` was sent. */
  prompted?: true
  /** Seconds since the epoch. */
  expiresAt: number
}

/** What the browser was shown at the redirect URI of a web application. */
export interface AnsweredRecord {
  subject: string
  /** Where it was sent; absent: our own page. */
  location?: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** The token records of one subject for one MCP server, and who issued them. */
export interface TokenIndexRecord {
  tokens: { at: string; found: ServerRecord }[]
}

/**
 * A codec of this shape. `holds` checks what the shape does not say. A record that it refuses, of a newer version for
 * example, counts as absent: the user signs in again, and nothing is read by guessing.
 */
function codecOf<T extends object>(
  kind: string,
  shape: Shape<T>,
  holds: (record: T) => boolean = () => true,
): Codec<T> {
  const codec = recordCodec(kind, shape)
  return {
    ...codec,
    decode(text) {
      const record = codec.decode(text)
      return record !== undefined && holds(record) ? record : undefined
    },
  }
}

const serverShape: Shape<ServerRecord> = {
  issuer: 'string',
  metadata: 'object',
  resource: 'string?',
  scopesSupported: 'strings?',
  dpopRequired: 'true?',
}

/** Whether the metadata are of the issuer beside them: a record never stands for another issuer. */
export const isServer = (value: unknown): value is ServerRecord =>
  hasShape<ServerRecord>(value, serverShape) && value.metadata.issuer === value.issuer

export const serverRecord: Codec<ServerRecord> = codecOf<ServerRecord>('client-server', serverShape, isServer)

export const registrationRecord: Codec<RegistrationRecord> = codecOf<RegistrationRecord>(
  'client-registration',
  {
    issuer: 'string',
    clientId: 'string',
    clientSecret: 'string?',
    method: 'string?',
    redirectUri: 'string?',
    scopes: 'strings?',
    expiresAt: 'number?',
  },
)

export const tokenRecord: Codec<TokenRecord> = codecOf<TokenRecord>(
  'client-tokens',
  {
    issuer: 'string',
    resource: 'string?',
    clientId: 'string',
    accessToken: 'string',
    type: 'string',
    expiresAt: 'number?',
    renewAt: 'number?',
    refreshToken: 'string?',
    granted: 'strings?',
    asked: 'strings?',
    jkt: 'string?',
  },
  ({ type }) => type === 'bearer' || type === 'dpop',
)

export const flowRecord: Codec<FlowRecord> = codecOf<FlowRecord>(
  'client-flow',
  {
    server: 'string',
    found: 'object',
    subject: 'string',
    clientId: 'string',
    redirectUri: 'string',
    verifier: 'string',
    scopes: 'strings?',
    prompted: 'true?',
    expiresAt: 'number',
  },
  ({ found }) => isServer(found),
)

export const answeredRecord: Codec<AnsweredRecord> = codecOf<AnsweredRecord>('client-answered', {
  subject: 'string',
  location: 'string?',
  expiresAt: 'number',
})

export const tokenIndexRecord: Codec<TokenIndexRecord> = codecOf<TokenIndexRecord>(
  'client-token-index',
  { tokens: 'list' },
  ({ tokens }) => tokens.every((each) => typeof each?.at === 'string' && isServer(each.found)),
)

/** An authorization that the official SDK began. */
export interface SdkFlowRecord {
  state: string
  found: ServerRecord
}

export const sdkFlowRecord: Codec<SdkFlowRecord> = codecOf<SdkFlowRecord>(
  'client-sdk-flow',
  { state: 'string', found: 'object' },
  ({ found }) => isServer(found),
)

/** The SDK's PKCE verifier, or an issuer. */
export const sdkValueRecord: Codec<{ value: string }> = codecOf<{ value: string }>('client-sdk-value', {
  value: 'string',
})

/** What the SDK found, in its own form. */
export const sdkDiscoveryRecord: Codec<{ state: object }> = codecOf<{ state: object }>(
  'client-sdk-discovery',
  {
    state: 'object',
  },
)

/** Keys are hashes of what comes from outside. The kind stands last, so that a store can shard them. */
export const recordKeys = {
  /** Without the query: transports put session ids there. */
  server: (url: string): Promise<string> => keyOf('server', withoutQuery(url)),
  /** The latest one at this issuer; with the client id, that very one, which older tokens still need. */
  registration: (issuer: string, clientId = ''): Promise<string> =>
    keyOf('client', JSON.stringify([issuer, clientId])),
  tokens: (issuer: string, resource: string, subject: string): Promise<string> =>
    keyOf('tokens', JSON.stringify([issuer, resource, subject])),
  tokenIndex: (server: string, subject: string): Promise<string> =>
    keyOf('held', JSON.stringify([plainSpelling(server), subject])),
  flow: (state: string): Promise<string> => keyOf('flow', state),
  answered: (arrived: URL): Promise<string> => keyOf('answered', arrived.pathname + arrived.search),
  /** For a lock, not for a record. */
  authorization: (name: string): Promise<string> => keyOf('signin', name),
  sdk: (name: string): Promise<string> => keyOf('sdk', name),
}

/** Origin and path, for events and messages: applications put keys and session ids into the query. */
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/**
 * One spelling for all URLs that reach the same server: no query, no slash at the end, only necessary escapes
 * (RFC 3986 §6.2.2).
 */
const plainSpelling = (url: string): string =>
  withoutQuery(url)
    .replace(/\/+$/, '')
    .replaceAll(/%[0-9a-f]{2}/gi, (text) => {
      const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
      return /[\w.~-]/.test(char) ? char : text.toUpperCase()
    })

const keyOf = async (kind: string, name: string): Promise<string> => `${await digestOf(kind, name)}:${kind}`

/** SHA-256 as base64url. The platform's own digest: this is not a hot path, and the bundle is smaller. */
export async function digestOf(kind: string, name: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', utf8(`client ${kind}\0${name}`))
  return base64url(new Uint8Array(digest))
}

/** What records are read from and written to. */
export interface RecordHome {
  readonly storage: ClientStorage
  readonly runtime: Pick<ResolvedRuntime, 'event'>
}

/** The record. One that cannot be read counts as absent, with an event. */
export async function readRecord<T>(
  { storage, runtime }: RecordHome,
  codec: Codec<T>,
  key: string,
): Promise<T | undefined> {
  const text = await storage.get(key)
  if (text === undefined) return undefined
  const record = codec.decode(text)
  if (record === undefined) runtime.event({ type: 'record.damaged', level: 'alert', detail: codec.kind })
  return record
}

/** Resolves when the record is stored. */
export const saveRecord = <T>(
  { storage }: Pick<RecordHome, 'storage'>,
  codec: Codec<T>,
  key: string,
  record: T,
  options?: { expiresAt: number; owner: string },
): Promise<void> => storage.set(key, codec.encode(record), options)
