import { ConfigurationError, UnavailableError } from '../errors.ts'
import { checkOptions, requireSeconds } from '../lib/options.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { Keyring } from '../lib/seal.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { requireWithin } from '../lib/within.ts'
import type { ExpiringStore } from '../store/contract.ts'
import type { Awaitable } from '../types.ts'
import {
  algorithmOf,
  checkConfiguredKey,
  createStoredKey,
  openConfiguredKey,
  openStoredKey,
  type Jwk,
  type SigningAlgorithm,
  type SigningKey,
  type StoredKey,
} from './signing-key.ts'

export interface KeyRingOptions {
  /** Of the keys that are made here. Default: `ES256`; `RS256` signs some ten times slower. */
  algorithm?: SigningAlgorithm
  /** Seconds after which a key is replaced: 7200–63 072 000. Default: 90 days. */
  rotateAfter?: number
  /** Seconds that a key is published before it signs: 3600–604 800, less than `rotateAfter`. Default: 24 hours. */
  publishAhead?: number
  /** Private keys from the configuration: the first signs, all are published; nothing is made or rotated here. */
  jwks?: readonly Jwk[]
}

export interface KeyRing {
  readonly algorithm: SigningAlgorithm
  /** The key that signs now. */
  active(): Promise<SigningKey>
  /** The published key of this id. Asks the store again, at most every 30 s, where it is not known. */
  find(kid: string): Promise<SigningKey | undefined>
  /** The key set (RFC 7517 §5). */
  publicKeys(): Promise<Jwk[]>
  /** Grants of an earlier epoch are dead. */
  epoch(): Promise<number>
  /**
   * Whether a token signed by this key in this epoch still counts; at once, unless it is time to read the ring again. Keys of the
   * configuration stay after `revokeAll()`, so for their tokens the epoch decides.
   */
  holds(kid: string, epoch: number): Awaitable<boolean>
  /** A new epoch and a new key: everything that was issued before is dead. */
  revokeAll(): Promise<void>
}

interface RingRecord {
  keys: StoredKey[]
  epoch: number
}

interface Ring {
  keys: readonly SigningKey[]
  epoch: number
  /** When it was read, in seconds since the epoch. */
  at: number
}

/** Seconds: how often the ring is read again; how long an unreadable store is borne; how often an unknown key id may ask. */
const fresh = 300
const staleIfError = 3600
const cooldown = 30
/** For all the calls that one reading takes, in seconds. */
const deadline = 10
/** The longest access token and an hour: so long a retired key stays. */
const retention = 7200
const attempts = 5
const recordKey = 'keys:ring'

export interface KeyRingParts {
  issuer: string
  store: ExpiringStore
  keyring: Keyring
  runtime: ResolvedRuntime
}

export function createKeyRing(options: KeyRingOptions, parts: KeyRingParts): KeyRing {
  const { algorithm, rotateAfter, publishAhead, jwks } = resolve(options)
  const { issuer, store, keyring, runtime } = parts
  const { clock } = runtime
  const flight = new SingleFlight<Ring>(runtime)
  const opened = new Map<string, SigningKey>()
  let ring: Ring | undefined
  let lastTry = -Infinity
  /** The highest epoch that this process has seen. */
  let latest = 0

  const load = async (): Promise<Ring> => {
    lastTry = clock()
    let record = await readAndRotate()
    // A read that began before `revokeAll()` ended must not bring the old ring back.
    if (record.epoch < latest) record = await readAndRotate()
    if (record.epoch < latest)
      throw new UnavailableError('The store has lost a revocation: call revokeAll() again')
    latest = record.epoch
    const configured = jwks === undefined ? undefined : await Promise.all(jwks.map(openConfiguredKey))
    const keys = configured ?? (await Promise.all(record.keys.map(openKey)))
    return (ring = { keys, epoch: record.epoch, at: clock() })
  }

  const openKey = async (stored: StoredKey): Promise<SigningKey> => {
    let key = opened.get(stored.wrapped)
    if (key === undefined) {
      key = await openStoredKey(stored, keyring, issuer)
      opened.set(stored.wrapped, key)
    }
    return key
  }

  /** The ring, if it may be used without a look at the store. While it is read again, it serves everyone but the caller that reads. */
  const known = (): Ring | undefined => {
    const now = clock()
    if (ring === undefined || now - ring.at >= staleIfError) return undefined
    return now - ring.at < fresh || now - lastTry < cooldown ? ring : undefined
  }

  const current = async (): Promise<Ring> => {
    const usable = known()
    if (usable !== undefined) return usable
    try {
      return await reload()
    } catch (error) {
      if (ring === undefined || clock() - ring.at >= staleIfError) throw error
      runtime.failed(error, 'signing keys', { event: { type: 'keys.stale', level: 'warning', issuer } })
      return ring
    }
  }

  // The flight itself ends in time, so that the next caller tries the store anew.
  const reload = (): Promise<Ring> =>
    flight.run('ring', () => requireWithin(deadline, load(), 'The signing keys'))

  /** Whoever first sees that the ring is missing or old writes the new one, and everybody reads what the winner wrote. */
  const readAndRotate = async (): Promise<RingRecord> => {
    for (let i = 0; i < attempts; i++) {
      const found = await store.get(recordKey)
      const record = found && (JSON.parse(found.value) as RingRecord)
      const wanted = await rotated(record)
      if (wanted === record) return record ?? { keys: [], epoch: 0 }
      const version = await store.put(recordKey, JSON.stringify(wanted), {
        ifVersion: found?.version ?? null,
      })
      if (version !== undefined) return wanted!
    }
    throw new UnavailableError('The signing keys are being written by others')
  }

  const rotated = async (record: RingRecord | undefined): Promise<RingRecord | undefined> => {
    const now = clock()
    if (jwks !== undefined) return record
    if (record === undefined) return { keys: [await newKey(now)], epoch: 0 }
    const keys = record.keys.filter((_, i) => {
      const successor = record.keys[i + 1]
      return successor === undefined || successor.activeFrom + retention > now
    })
    const last = keys.at(-1)
    if (last === undefined) return { ...record, keys: [await newKey(now)] }
    if (last.activeFrom <= now && last.activeFrom + rotateAfter - publishAhead <= now) {
      const activeFrom = Math.max(last.activeFrom + rotateAfter, now + publishAhead)
      return { ...record, keys: [...keys, await newKey(activeFrom)] }
    }
    return keys.length === record.keys.length ? record : { ...record, keys }
  }

  const newKey = (activeFrom: number): Promise<StoredKey> =>
    createStoredKey(algorithm, activeFrom, keyring, issuer)

  return {
    algorithm,
    async active() {
      const { keys } = await current()
      const now = clock()
      const key = jwks === undefined ? keys.findLast((each) => each.activeFrom <= now) : keys[0]
      // Clocks of instances differ by less than a key is published ahead.
      return key ?? keys[0]!
    },
    async find(kid) {
      const known = (await current()).keys.find((each) => each.kid === kid)
      if (known !== undefined || clock() - lastTry < cooldown || jwks !== undefined) return known
      return (await reload()).keys.find((each) => each.kid === kid)
    },
    async publicKeys() {
      return (await current()).keys.map((each) => each.publicJwk)
    },
    async epoch() {
      return (await current()).epoch
    },
    holds(kid, epoch) {
      const counts = ({ keys, epoch: now }: Ring): boolean =>
        keys.some((each) => each.kid === kid) && (jwks === undefined || epoch >= now)
      const usable = known()
      return usable === undefined ? current().then(counts) : counts(usable)
    },
    async revokeAll() {
      for (let i = 0; i < attempts; i++) {
        const found = await store.get(recordKey)
        const before = found === undefined ? 0 : (JSON.parse(found.value) as RingRecord).epoch
        const epoch = Math.max(before + 1, latest)
        const keys = jwks === undefined ? [await newKey(clock())] : []
        const value = JSON.stringify({ keys, epoch } satisfies RingRecord)
        if ((await store.put(recordKey, value, { ifVersion: found?.version ?? null })) === undefined) continue
        latest = epoch
        ring = undefined
        await load()
        return
      }
      throw new UnavailableError('The signing keys are being written by others')
    },
  }
}

function resolve(options: KeyRingOptions): {
  algorithm: SigningAlgorithm
  rotateAfter: number
  publishAhead: number
  jwks: readonly Jwk[] | undefined
} {
  checkOptions('keys', options, ['algorithm', 'rotateAfter', 'publishAhead', 'jwks'])
  const { algorithm = 'ES256', jwks } = options
  if (!['ES256', 'EdDSA', 'RS256'].includes(algorithm))
    throw new ConfigurationError('keys.algorithm', 'is "ES256", "EdDSA" or "RS256"')
  const rotateAfter = requireSeconds('keys.rotateAfter', options.rotateAfter, {
    min: 7200,
    max: 63_072_000,
    default: 90 * 86_400,
  })
  const publishAhead = requireSeconds('keys.publishAhead', options.publishAhead, {
    min: 3600,
    max: 604_800,
    default: Math.min(86_400, rotateAfter / 2),
  })
  if (publishAhead >= rotateAfter)
    throw new ConfigurationError('keys.publishAhead', 'must be less than keys.rotateAfter')
  if (jwks !== undefined) {
    if (!Array.isArray(jwks) || jwks.length === 0)
      throw new ConfigurationError('keys.jwks', 'is a list of private JWKs')
    for (const [i, jwk] of jwks.entries()) checkConfiguredKey(jwk as Jwk, `keys.jwks[${i}]`)
  }
  return { algorithm: jwks?.[0] ? algorithmOf(jwks[0])! : algorithm, rotateAfter, publishAhead, jwks }
}
