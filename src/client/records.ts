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

/** An authorization that the official SDK began. */
export interface SdkFlowRecord {
  state: string
  found: ServerRecord
}

/** The SDK's PKCE verifier, or an issuer. */
export interface SdkValueRecord {
  value: string
}

/** What the SDK found, in its own form. */
export interface SdkDiscoveryRecord {
  state: object
}

/** The codec, with a check of what its shape does not say. */
function withCheck<T>(codec: Codec<T>, holds: (record: T) => boolean): Codec<T> {
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
const isServer = (value: unknown): value is ServerRecord =>
  hasShape<ServerRecord>(value, serverShape) && value.metadata.issuer === value.issuer

export const serverRecord: Codec<ServerRecord> = withCheck(
  recordCodec<ServerRecord>('client-server', serverShape),
  isServer,
)

export const registrationRecord: Codec<RegistrationRecord> = recordCodec<RegistrationRecord>(
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

export const tokenRecord: Codec<TokenRecord> = withCheck(
  recordCodec<TokenRecord>('client-tokens', {
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
  }),
  ({ type }) => type === 'bearer' || type === 'dpop',
)

export const flowRecord: Codec<FlowRecord> = withCheck(
  recordCodec<FlowRecord>('client-flow', {
    server: 'string',
    found: 'object',
    subject: 'string',
    clientId: 'string',
    redirectUri: 'string',
    verifier: 'string',
    scopes: 'strings?',
    prompted: 'true?',
    expiresAt: 'number',
  }),
  ({ found }) => isServer(found),
)

export const answeredRecord: Codec<AnsweredRecord> = recordCodec<AnsweredRecord>('client-answered', {
  subject: 'string',
  location: 'string?',
  expiresAt: 'number',
})

export const tokenIndexRecord: Codec<TokenIndexRecord> = withCheck(
  recordCodec<TokenIndexRecord>('client-token-index', { tokens: 'list' }),
  ({ tokens }) => tokens.every((each) => typeof each?.at === 'string' && isServer(each.found)),
)

export const sdkFlowRecord: Codec<SdkFlowRecord> = withCheck(
  recordCodec<SdkFlowRecord>('client-sdk-flow', { state: 'string', found: 'object' }),
  ({ found }) => isServer(found),
)

export const sdkValueRecord: Codec<SdkValueRecord> = recordCodec<SdkValueRecord>('client-sdk-value', {
  value: 'string',
})

export const sdkDiscoveryRecord: Codec<SdkDiscoveryRecord> = recordCodec<SdkDiscoveryRecord>(
  'client-sdk-discovery',
  { state: 'object' },
)

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
