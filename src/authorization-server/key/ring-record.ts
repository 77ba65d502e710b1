import { hasShape, storedCodec, type Shape } from '../../lib/codec.ts'
import type { StoredKey } from './signing-key.ts'

/** The signing keys as they are stored. */
export interface RingRecord {
  keys: StoredKey[]
  /** Grants of earlier epochs are revoked. */
  epoch: number
  /** Grows at each write within an epoch, so that a stale read is recognised. */
  sequence: number
}

const codec = storedCodec<RingRecord>('key ring', { keys: 'list', epoch: 'number', sequence: 'number' })
const keyShape: Shape<StoredKey> = { kid: 'string', wrapped: 'string', activeFrom: 'number', by: 'string' }

/** The ring before the first write. */
export const emptyRing: RingRecord = { keys: [], epoch: 0, sequence: 0 }

export const encodeRing: (record: RingRecord) => string = codec.encode

/**
 * The keys that have the right shape, and how many have not; undefined if the record is damaged as a whole.
 */
export function decodeRing(text: string): { record: RingRecord; lost: number } | undefined {
  const record = codec.decode(text)
  if (record === undefined) return undefined
  const keys = record.keys.filter((each) => hasShape(each, keyShape))
  return { record: { ...record, keys }, lost: record.keys.length - keys.length }
}

/** Whether the first record is older than the second. */
export const isOlder = (one: Pick<RingRecord, 'epoch' | 'sequence'>, other: typeof one): boolean =>
  one.epoch === other.epoch ? one.sequence < other.sequence : one.epoch < other.epoch
