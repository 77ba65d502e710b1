import { parseObject } from '../../lib/json.ts'
import { base64url, utf8 } from '../../lib/bytes.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { withoutQuery } from '../outgoing.ts'
import type { ClientStorage } from './storage.ts'

/** What discovery found for one MCP server. */
export interface ServerRecord {
  issuer: string
  metadata: AuthorizationServerMetadata
  /** As the document writes it, byte for byte. Undefined: the server has no document (revision 2025-03-26). */
  resource?: string
  scopesSupported?: string[]
  dpopRequired?: boolean
}

/** A registration at one issuer. */
export interface RegistrationRecord {
  issuer: string
  clientId: string
  clientSecret?: string
  method?: string
  /** Absent: the user gave the client id. */
  redirectUri?: string
  /** What may be asked for. Absent: the registration says nothing about scopes. */
  scopes?: string[]
  /** Seconds since the epoch: when the secret ends. */
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
  /** Seconds since the epoch: from then on it is renewed. */
  renewAt?: number
  refreshToken?: string
  /** What was granted, where the server said so. */
  granted?: string[]
  /** What was asked for. */
  asked?: string[]
  /** Thumbprint of the key that the tokens are bound to. */
  jkt?: string
}

/** An authorization that a person has not finished yet. */
export interface FlowRecord {
  server: string
  found: ServerRecord
  subject: string
  clientId: string
  redirectUri: string
  verifier: string
  scopes?: string[]
  /** `prompt` was sent. */
  prompted?: boolean
  /** Seconds since the epoch. */
  expiresAt: number
}

/** What the browser was shown at the redirect URI of a web host. */
export interface AnsweredRecord {
  subject: string
  /** Where it was sent; absent: our own page. */
  location?: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Where the tokens of one subject for one MCP server lie, and who issued them. */
export interface HeldRecord {
  tokens: { at: string; found: ServerRecord }[]
}

/** Keys are hashes of what comes from outside; the kind stands last, so that a store can shard them. */
export const keys = {
  /** Without the query: transports put session ids there. */
  server: (url: string): Promise<string> => key('server', withoutQuery(url)),
  /** The latest one at this issuer; with the client id, that very one, which older tokens still need. */
  registration: (issuer: string, clientId = ''): Promise<string> =>
    key('client', JSON.stringify([issuer, clientId])),
  tokens: (issuer: string, resource: string, subject: string): Promise<string> =>
    key('tokens', JSON.stringify([issuer, resource, subject])),
  held: (server: string, subject: string): Promise<string> =>
    key('held', JSON.stringify([plainSpelling(server), subject])),
  flow: (state: string): Promise<string> => key('flow', state),
  answered: (arrived: URL): Promise<string> => key('answered', arrived.pathname + arrived.search),
  /** A lock only. */
  signIn: (name: string): Promise<string> => key('signin', name),
  sdk: (name: string): Promise<string> => key('sdk', name),
}

/** One spelling for all that reach the same server: no query, no slash at the end, nothing escaped without need (RFC 3986 §6.2.2). */
const plainSpelling = (url: string): string =>
  withoutQuery(url)
    .replace(/\/+$/, '')
    .replaceAll(/%[0-9a-f]{2}/gi, (text) => {
      const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
      return /[\w.~-]/.test(char) ? char : text.toUpperCase()
    })

const key = async (kind: string, name: string): Promise<string> => `${await digestOf(kind, name)}:${kind}`

/** SHA-256 as base64url. The platform's own digest: no hot path, and a smaller bundle than ours. */
export async function digestOf(kind: string, name: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', utf8(`client ${kind}\0${name}`))
  return base64url(new Uint8Array(digest))
}

/** The record, or undefined where there is none that can be read. */
export async function read<T>(storage: ClientStorage, at: string): Promise<T | undefined> {
  return parseObject((await storage.get(at)) ?? '') as T | undefined
}

export const save = <T extends object>(
  storage: ClientStorage,
  at: string,
  record: T,
  options?: { expiresAt: number },
): Promise<void> => storage.set(at, JSON.stringify(record), options)
