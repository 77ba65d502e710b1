import { sha256 } from '../lib/hash.ts'
import { oneLine, type ResolvedRuntime } from '../lib/runtime.ts'
import type { Keyring } from '../lib/seal.ts'
import type { ExpiringStore } from '../store/contract.ts'
import type { UpstreamTokens } from '../types.ts'
import { sealForGrant, type GrantRecord } from './grant-record.ts'
import type { KeyRing } from './keys.ts'

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
  props?: unknown
  upstream?: UpstreamTokens
  authTime?: number
  acr?: string
}

export interface GrantsParts {
  issuer: string
  store: ExpiringStore
  keyring: Keyring
  keys: KeyRing
  runtime: ResolvedRuntime
  lifetimes: { code: number; refreshAbsolute: number }
}

/** The record of a grant whose code is not redeemed yet. */
export async function newRecord(
  { issuer, keyring, keys, runtime, lifetimes }: GrantsParts,
  grant: NewGrant,
  secret: string,
): Promise<GrantRecord> {
  const now = runtime.clock()
  const seal = (what: 'props' | 'upstream', value: unknown): Promise<string> =>
    sealForGrant(keyring, issuer, grant.id, what, value)
  return {
    state: 'live',
    client: grant.clientId,
    ...(grant.clientName === undefined ? {} : { clientName: oneLine(grant.clientName, 80) }),
    subject: grant.subject,
    resources: grant.resources,
    scopes: grant.scopes,
    created: now,
    expires: now + lifetimes.code,
    epoch: await keys.epoch(),
    code: await sha256(secret, 'code'),
    codeExpires: now + lifetimes.code,
    ...(grant.redirectUri === undefined ? {} : { redirectUri: grant.redirectUri }),
    challenge: grant.codeChallenge,
    ...(grant.authTime === undefined ? {} : { authTime: grant.authTime }),
    ...(grant.acr === undefined ? {} : { acr: grant.acr }),
    ...(grant.props === undefined ? {} : { props: await seal('props', grant.props) }),
    ...(grant.upstream === undefined ? {} : { upstream: await seal('upstream', grant.upstream) }),
  }
}
