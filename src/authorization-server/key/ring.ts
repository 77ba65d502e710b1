import { UnavailableError } from '../../errors.ts'
import { matching, object, oneOf, optionError, seconds } from '../../lib/options.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { requireWithin } from '../../lib/within.ts'
import { update, type Verdict } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import type { Jwk, KeyRing, KeyRingOptions, SigningAlgorithm, SigningKey } from '../keys.ts'
import { decodeRing, encodeRing, isOlder, emptyRing, type RingRecord } from './ring-record.ts'
import { longestLifetime } from '../resources.ts'
import type { RecordStore } from '../scoped-store.ts'
import {
  algorithmOf,
  checkConfiguredKey,
  createStoredKey,
  openConfiguredKey,
  openStoredKey,
  type StoredKey,
  type UnopenedKey,
} from './signing-key.ts'

interface Ring {
  keys: readonly SigningKey[]
  record: RingRecord
  /** Seconds since the epoch: when it was read. */
  at: number
}

/**
 * Seconds: until the ring is read again; until the last one is used while the store is down; between two
 * reads for an unknown key id.
 */
const fresh = 300
const staleIfError = 3600
const cooldown = 30
/** The most seconds that reading the ring may take, with all its calls. */
const deadline = 10
/** Seconds that a retired key stays published: as long as the longest access token lives, and an hour. */
const retention = longestLifetime + 3600
const recordKey = 'keys:ring'

export interface KeyRingParts {
  issuer: string
  store: RecordStore
  sealer: MacSealer
  runtime: ResolvedRuntime
}

export function createKeyRing(options: KeyRingOptions, parts: KeyRingParts): KeyRing {
  const { algorithm, rotateAfter, publishAhead, jwks } = readKeyOptions(options)
  const { issuer, store, sealer, runtime } = parts
  const { clock } = runtime
  const flight = new SingleFlight<Ring>(runtime)
  const opened = new Map<string, SigningKey>()
  let ring: Ring | undefined
  let lastTry = -Infinity

  const load = async (): Promise<Ring> => {
    const at = (lastTry = clock())
    return adopt(await update(store, recordKey, repairAndRotate), at)
  }

  /** A slow read does not replace a newer ring. */
  const adopt = async (record: RingRecord, at: number): Promise<Ring> => {
    const keys = await (jwks === undefined
      ? Promise.all(record.keys.map(openKey))
      : Promise.all(jwks.map(openConfiguredKey)))
    const usable = keys.filter((each) => typeof each !== 'string')
    // The ring was made under another deployment secret.
    if (usable.length === 0) throw unopenedError()
    if (ring === undefined || !isOlder(record, ring.record)) ring = { keys: usable, record, at }
    return ring
  }

  const openKey = async (stored: StoredKey): Promise<SigningKey | UnopenedKey> => {
    const known = opened.get(stored.wrapped)
    if (known !== undefined) return { ...known, activeFrom: stored.activeFrom }
    const key = await openStoredKey(stored, sealer, issuer)
    if (typeof key !== 'string') opened.set(stored.wrapped, key)
    return key
  }

  /** The ring if it is fresh. While one caller reads it again, the others use it. */
  const freshRing = (): Ring | undefined => {
    const now = clock()
    if (ring === undefined || now - ring.at >= staleIfError) return undefined
    return now - ring.at < fresh || now - lastTry < cooldown ? ring : undefined
  }

  const current = async (): Promise<Ring> => {
    const usable = freshRing()
    if (usable !== undefined) return usable
    try {
      return await reload()
    } catch (error) {
      if (ring === undefined || clock() - ring.at >= staleIfError) throw error
      runtime.failed(error, 'signing keys', { event: { type: 'keys.stale', level: 'warning', issuer } })
      return ring
    }
  }

  // The shared read itself ends in time, so that the next caller starts a new one.
  const reload = (): Promise<Ring> =>
    flight.run('ring', () => requireWithin(deadline, load(), 'The signing keys'))

  /**
   * The first instance that finds the ring missing, damaged or old writes the next one; the others read it.
   */
  const repairAndRotate = async (found: StoreRecord | undefined): Promise<Verdict<RingRecord>> => {
    const { record, intact } = read(found)
    const keys = jwks === undefined ? await rotated(record.keys) : record.keys
    if (intact && keys.length === record.keys.length && keys.every((each, i) => each === record.keys[i]))
      return { result: record }
    const next: RingRecord = { ...record, keys, sequence: record.sequence + 1 }
    return { write: { value: encodeRing(next) }, result: next }
  }

  /**
   * The stored record, or that of this instance if the store has lost it. `intact`: the store has exactly
   * this one.
   */
  const read = (found: StoreRecord | undefined): { record: RingRecord; intact: boolean } => {
    const own = ring?.record
    const decoded = found && decodeRing(found.value)
    if (decoded === undefined) {
      if (found === undefined)
        return { record: own ?? emptyRing, intact: own === undefined || own === emptyRing }
      store.reportDamage('key ring', {})
      // The epoch is lost. A new one ends every grant, so that no revoked grant comes back.
      return { record: own ?? { ...emptyRing, epoch: Math.floor(clock()) }, intact: false }
    }
    const { record, lost } = decoded
    if (own !== undefined && isOlder(record, own)) return { record: own, intact: false }
    if (lost > 0) store.reportDamage('signing key', {})
    return { record, intact: lost === 0 }
  }

  const rotated = async (stored: readonly StoredKey[]): Promise<StoredKey[]> => {
    const now = clock()
    const usable = await withoutDamaged(stored)
    const keys = usable.filter((_, i) => {
      const successor = usable[i + 1]
      return successor === undefined || successor.activeFrom + retention > now
    })
    const last = keys.at(-1)
    if (last === undefined) keys.push(await newKey(now))
    else if (last.activeFrom <= now && last.activeFrom + rotateAfter - publishAhead <= now)
      keys.push(await newKey(Math.max(last.activeFrom + rotateAfter, now + publishAhead)))
    return keys
  }

  /**
   * Keys that are wrapped under another deployment secret stay, for other instances. Rejects if there are no
   * other keys.
   */
  const withoutDamaged = async (stored: readonly StoredKey[]): Promise<StoredKey[]> => {
    const found = await Promise.all(stored.map(async (each) => ({ each, key: await openKey(each) })))
    const kept = found.filter(({ key }) => key !== 'damaged')
    for (const { each, key } of found)
      if (key === 'damaged') store.reportDamage('signing key', { received: each.kid })
    if (kept.length > 0 && kept.every(({ key }) => key === 'foreign')) throw unopenedError()
    return kept.map(({ each }) => each)
  }

  const newKey = (activeFrom: number): Promise<StoredKey> =>
    createStoredKey(algorithm, activeFrom, sealer, issuer)

  return {
    algorithm,
    async active() {
      const { keys } = await current()
      const now = clock()
      const key = jwks === undefined ? keys.findLast((each) => each.activeFrom <= now) : keys[0]
      // Clocks of instances differ by less than `publishAhead`.
      return key ?? keys[0]!
    },
    async find(kid, epoch) {
      const { keys, record } = await current()
      const known = keys.find((each) => each.kid === kid)
      if (known !== undefined || jwks !== undefined) return known
      // Another instance may have called `revokeAll()`: then the token may be valid, and is not refused yet.
      const isLater = epoch > record.epoch
      const isBusy = isLater && flight.isBusy('ring')
      const mayAsk = isBusy || clock() - lastTry >= cooldown
      const found = mayAsk ? (await reload()).keys.find((each) => each.kid === kid) : undefined
      if (found === undefined && isLater && (isBusy || !mayAsk))
        throw new UnavailableError('The signing keys may have changed; try again')
      return found
    },
    async publicKeys() {
      return (await current()).keys.map((each) => each.publicJwk)
    },
    async epoch(seen = 0) {
      let { epoch } = (await current()).record
      // Twice, because a read in progress may have begun before the change.
      for (let i = 0; i < 2 && epoch < seen; i++) ({ epoch } = (await reload()).record)
      return epoch
    },
    isTrusted(kid, epoch) {
      const accepts = ({ keys, record }: Ring): boolean =>
        keys.some((each) => each.kid === kid) && (jwks === undefined || epoch >= record.epoch)
      const usable = freshRing()
      return usable === undefined ? current().then(accepts) : accepts(usable)
    },
    async revokeAll() {
      const next = await update<RingRecord>(store, recordKey, async (found) => {
        const epoch = read(found).record.epoch + 1
        const keys = jwks === undefined ? [await newKey(clock())] : []
        const record: RingRecord = { keys, epoch, sequence: 0 }
        return { write: { value: encodeRing(record) }, result: record }
      })
      await adopt(next, clock())
    },
  }
}

const unopenedError = (): UnavailableError =>
  new UnavailableError('The signing keys cannot be opened with this secret')

function readKeyOptions(options: KeyRingOptions): {
  algorithm: SigningAlgorithm
  rotateAfter: number
  publishAhead: number
  jwks: readonly Jwk[] | undefined
} {
  const { algorithm, rotateAfter, publishAhead, jwks } = object({
    algorithm: oneOf(['ES256', 'EdDSA', 'RS256']).default('ES256'),
    rotateAfter: seconds({ min: 7200, max: 63_072_000 }).default(90 * 86_400),
    publishAhead: seconds({ min: 3600, max: 604_800 }),
    jwks: matching<readonly Jwk[]>(
      'a list of private JWKs',
      (value) => Array.isArray(value) && value.length > 0,
    ),
  }).required(options, 'keys')
  const ahead = publishAhead ?? Math.min(86_400, rotateAfter / 2)
  if (ahead >= rotateAfter)
    throw optionError('keys.publishAhead', `less than keys.rotateAfter, which is ${rotateAfter}`, ahead)
  for (const [i, jwk] of (jwks ?? []).entries()) checkConfiguredKey(jwk, `keys.jwks[${i}]`)
  const ofKeys = jwks?.[0] && algorithmOf(jwks[0])
  return { algorithm: ofKeys ?? algorithm, rotateAfter, publishAhead: ahead, jwks }
}
