import { ConfigurationError, UnavailableError } from '../../errors.ts'
import { checkOptions, requireSeconds } from '../../lib/options.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { requireWithin } from '../../lib/within.ts'
import { update, type Verdict } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import type { Jwk, KeyRing, KeyRingOptions, SigningAlgorithm, SigningKey } from '../keys.ts'
import { decodeRing, encodeRing, isOlder, noRing, type RingRecord } from './ring-record.ts'
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
  /** When it was read, in seconds since the epoch. */
  at: number
}

/** Seconds: how often the ring is read again; how long an unreadable store is borne; how often an unknown key id may ask. */
const fresh = 300
const staleIfError = 3600
const cooldown = 30
/** For all the calls that one reading takes, in seconds. */
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
  const { algorithm, rotateAfter, publishAhead, jwks } = resolve(options)
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

  /** An answer that was long on its way does not bring back what was replaced in the meantime. */
  const adopt = async (record: RingRecord, at: number): Promise<Ring> => {
    const keys = await (jwks === undefined
      ? Promise.all(record.keys.map(openKey))
      : Promise.all(jwks.map(openConfiguredKey)))
    const usable = keys.filter((each) => typeof each !== 'string')
    // Another deployment secret than the one that made the ring: nothing here can sign.
    if (usable.length === 0) throw unopened()
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

  /** The first instance to see that the ring is missing, damaged or old writes the next; all read what the winner wrote. */
  const repairAndRotate = async (found: StoreRecord | undefined): Promise<Verdict<RingRecord>> => {
    const { record, intact } = read(found)
    const keys = jwks === undefined ? await rotated(record.keys) : record.keys
    if (intact && keys.length === record.keys.length && keys.every((each, i) => each === record.keys[i]))
      return { result: record }
    const next: RingRecord = { ...record, keys, sequence: record.sequence + 1 }
    return { write: { value: encodeRing(next) }, result: next }
  }

  /** What the store has, or what this instance has, if the store has lost it. `intact`: the store has just this. */
  const read = (found: StoreRecord | undefined): { record: RingRecord; intact: boolean } => {
    const own = ring?.record
    const decoded = found && decodeRing(found.value)
    if (decoded === undefined) {
      if (found === undefined) return { record: own ?? noRing, intact: own === undefined || own === noRing }
      store.reportDamage('key ring', {})
      // The epoch is lost. A new one ends every grant, so nothing that was revoked comes back.
      return { record: own ?? { ...noRing, epoch: Math.floor(clock()) }, intact: false }
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

  /** A key that another deployment secret has wrapped stays: another instance opens it. Rejects if there are only such. */
  const withoutDamaged = async (stored: readonly StoredKey[]): Promise<StoredKey[]> => {
    const found = await Promise.all(stored.map(async (each) => ({ each, key: await openKey(each) })))
    const kept = found.filter(({ key }) => key !== 'damaged')
    for (const { each, key } of found)
      if (key === 'damaged') store.reportDamage('signing key', { received: each.kid })
    if (kept.length > 0 && kept.every(({ key }) => key === 'foreign')) throw unopened()
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
      // Clocks of instances differ by less than a key is published ahead.
      return key ?? keys[0]!
    },
    async find(kid, epoch) {
      const { keys, record } = await current()
      const known = keys.find((each) => each.kid === kid)
      if (known !== undefined || jwks !== undefined) return known
      // After `revokeAll()` elsewhere a good token must not be called bad.
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
      // Twice, because a reading under way may have begun before the change.
      for (let i = 0; i < 2 && epoch < seen; i++) ({ epoch } = (await reload()).record)
      return epoch
    },
    isTrusted(kid, epoch) {
      const counts = ({ keys, record }: Ring): boolean =>
        keys.some((each) => each.kid === kid) && (jwks === undefined || epoch >= record.epoch)
      const usable = known()
      return usable === undefined ? current().then(counts) : counts(usable)
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

const unopened = (): UnavailableError =>
  new UnavailableError('The signing keys cannot be opened with this secret')

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
