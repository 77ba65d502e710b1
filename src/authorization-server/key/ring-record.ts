import { hasShape, storedCodec, type Shape } from '../../lib/codec.ts'
import type { StoredKey } from './signing-key.ts'

/** The signing keys as the store has them. */
export interface RingRecord {
  keys: StoredKey[]
  /** Grants of an earlier epoch are dead. */
  epoch: number
  /** Grows at each write within an epoch, so that an old read is told from a new one. */
  sequence: number
}

const codec = storedCodec<RingRecord>('key ring', { keys: 'list', epoch: 'number', sequence: 'number' })
const keyShape: Shape<StoredKey> = { kid: 'string', wrapped: 'string', activeFrom: 'number', by: 'string' }

/** Before anything was written. */
export const noRing: RingRecord = { keys: [], epoch: 0, sequence: 0 }

export const encodeRing: (record: RingRecord) => string = codec.encode

/** Without the keys that have another shape, and how many these are; undefined: the record is damaged as a whole. */
export function decodeRing(text: string): { record: RingRecord; lost: number } | undefined {
  const record = codec.decode(text)
  if (record === undefined) return undefined
  const keys = record.keys.filter((each) => hasShape(each, keyShape))
  return { record: { ...record, keys }, lost: record.keys.length - keys.length }
}

/** Whether this one is older than the other. */
export const isOlder = (one: Pick<RingRecord, 'epoch' | 'sequence'>, other: typeof one): boolean =>
  one.epoch === other.epoch ? one.sequence < other.sequence : one.epoch < other.epoch
