import { ConfigurationError, UnavailableError, type OAuthError } from '../errors.ts'
import { utf8 } from '../lib/bytes.ts'
import type { Keyring } from '../lib/seal.ts'
import type { ExpiringStore } from '../store/contract.ts'
import type { Access } from './access.ts'
import { sealContext } from './seal-context.ts'
import { clientHash, forgetConsents } from './user-record.ts'

/** One authorization, as the store has it. Nothing in it is usable: hashes, and what is sealed. Times are seconds since the epoch. */
export interface GrantRecord {
  state: 'live' | 'revoked'
  client: string
  clientName?: string
  subject: string
  resources: readonly string[]
  /** Of all resources, each once. */
  scopes: readonly string[]
  /** Scopes by resource, if there are several resources. */
  access?: Access
  created: number
  /** The end of the record: of the code until it is redeemed, then of the refresh token. */
  expires: number
  epoch: number
  /** Hash of the code, kept after redemption so that a replay is recognised. */
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
  /** Access tokens that were revoked one by one, with their expiry. */
  revokedTokens?: readonly (readonly [jti: string, expires: number])[]
  authTime?: number
  acr?: string
  props?: string
  upstream?: string
}

export interface GrantVersion {
  record: GrantRecord
  version: string
}

/** What is to happen to a grant: nothing, or a write; then an answer or a refusal. */
export interface Verdict<T> {
  write?: GrantRecord
  refuse?: OAuthError
  result?: T
}

/** Code, refresh token and id have parts of 160 random bits each. */
export const isTokenPart = (text: string | undefined): text is string =>
  text !== undefined && /^[A-Za-z0-9_-]{27}$/.test(text)

export const grantKey = (id: string): string => `${id}:grant`

export async function readGrant(store: ExpiringStore, id: string): Promise<GrantVersion | undefined> {
  const found = await store.get(grantKey(id))
  return found && { record: JSON.parse(found.value) as GrantRecord, version: found.version }
}

/** How often a conditional write is tried anew; and how many of these may fail with an exception. */
export const attempts = 5
const failures = 2

/**
 * Reads the grant, lets it be judged, and writes on condition that nobody else did meanwhile. A lost write is not a lost race,
 * and after an exception the write may stand (`mayStand`): both read and judge again, at most five times; then 503.
 */
export async function changeGrant<T>(
  store: ExpiringStore,
  id: string,
  judge: (record: GrantRecord | undefined, mayStand: boolean) => Promise<Verdict<T>>,
): Promise<T> {
  let failed = 0
  for (let i = 0; i < attempts; i++) {
    const found = await readGrant(store, id)
    const { write, refuse, result } = await judge(found?.record, failed > 0)
    if (write !== undefined) {
      if (write.state === 'revoked' && found?.record.state === 'live') await forget(store, found.record)
      try {
        const ifVersion = found?.version ?? null
        const options = { ifVersion, expiresAt: write.expires }
        if ((await store.put(grantKey(id), JSON.stringify(write), options)) === undefined) continue
      } catch (error) {
        if (++failed === failures) throw error
        continue
      }
    }
    if (refuse !== undefined) throw refuse
    return result as T
  }
  throw new UnavailableError('Too many at once; try again')
}

/**
 * However a grant ends before its time, nothing is issued in silence to that client any more. First, because a revocation that fails here
 * is tried again.
 */
const forget = async (store: ExpiringStore, { subject, client }: GrantRecord): Promise<void> =>
  forgetConsents(store, subject, await clientHash(client))

/** What stays of a revoked grant: nobody can bring it back, and nothing of value lies in it. */
export function tombstone({
  client,
  clientName,
  subject,
  created,
  expires,
  epoch,
}: GrantRecord): GrantRecord {
  return {
    state: 'revoked',
    client,
    ...(clientName === undefined ? {} : { clientName }),
    subject,
    resources: [],
    scopes: [],
    created,
    expires,
    epoch,
  }
}

/** Bytes of JSON that a grant carries at most, for props and for upstream tokens each. */
const maxSealed = 16_000

/** Seals what belongs to a grant; another grant's record cannot be put in its place. */
export async function sealForGrant(
  keyring: Keyring,
  issuer: string,
  grantId: string,
  what: 'props' | 'upstream',
  value: unknown,
): Promise<string> {
  const text = JSON.stringify(value)
  if (text === undefined || utf8(text).length > maxSealed)
    throw new ConfigurationError(`identity.${what}`, `must be JSON of at most ${maxSealed} bytes`)
  return keyring.seal('seal', sealContext(issuer, `${grantId}:${what}`), text)
}

/** The value, or undefined: tampered with, or sealed for another grant. */
export async function openForGrant(
  keyring: Keyring,
  issuer: string,
  grantId: string,
  what: 'props' | 'upstream',
  sealed: string,
): Promise<{ value: unknown } | undefined> {
  const text = await keyring.open('seal', sealContext(issuer, `${grantId}:${what}`), sealed)
  return text === undefined ? undefined : { value: JSON.parse(text) as unknown }
}
