import { UnavailableError } from '../errors.ts'
import { isJsonObject, parseObject } from './json.ts'
import type { Sealer, Purpose } from './sealer.ts'

/** Writes and reads one kind of record. */
export interface Codec<T> {
  readonly kind: string
  encode(record: T): string
  /** The record, or undefined: the text is damaged, or of a version that this one does not know. */
  decode(text: string): T | undefined
}

/** Writes and reads one kind of record that is encrypted and authenticated. */
export interface SealedCodec<T> {
  /** `context` is authenticated and not contained: the same one opens it. */
  seal(sealer: Sealer, context: string, record: T): Promise<string>
  /**
   * The record, or undefined: not sealed by this deployment for this context, or of a version that this one
   * does not know.
   */
  open(sealer: Sealer, context: string, sealed: string): Promise<T | undefined>
}

/**
 * `any`: any JSON value; `lists`: lists of strings by name; `pairs`: a list of pairs of a string and a
 * number.
 */
type FieldType = 'string' | 'number' | 'true' | 'strings' | 'list' | 'lists' | 'pairs' | 'object' | 'any'

/** The type of each field; `?`: it may be absent. */
export type Shape<T> = { readonly [K in keyof Required<T>]: FieldType | `${FieldType}?` }

/** The version that is written. A record of another version is never read by guessing. */
const version = 1

/**
 * A codec for what a client brings back, or what lies in a cache. `kind` names the record; `test/fixtures`
 * holds one of each kind. An unknown version is refused like a forged record. Fields that are not in the
 * shape are kept, so that an older deployment drops nothing that a newer one added.
 */
export function recordCodec<T extends object>(kind: string, shape: Shape<T>): Codec<T> {
  return createCodec(kind, shape, () => undefined)
}

/**
 * A codec for what lies in the store, which deployments of neighbouring versions share. `decode` throws
 * UnavailableError for a record of a newer version, so that nothing is written over it; undefined means that
 * the record is damaged.
 */
export function storedCodec<T extends object>(kind: string, shape: Shape<T>): Codec<T> {
  return createCodec(kind, shape, () => {
    throw new UnavailableError(`A newer version of this server wrote this record (${kind})`)
  })
}

/** As the codec that it is given, sealed under the subkey of this purpose. */
export function sealedCodec<T extends object>(purpose: Purpose, codec: Codec<T>): SealedCodec<T> {
  return {
    seal: (sealer, context, record) => sealer.seal(purpose, context, codec.encode(record)),
    async open(sealer, context, sealed) {
      const text = await sealer.open(purpose, context, sealed)
      return text === undefined ? undefined : codec.decode(text)
    },
  }
}

function createCodec<T extends object>(
  kind: string,
  shape: Shape<T>,
  refuseNewer: () => undefined,
): Codec<T> {
  return {
    kind,
    encode: (record) => JSON.stringify({ v: version, ...record }),
    decode(text) {
      const parsed = parseObject(text)
      if (parsed === undefined) return undefined
      const { v, ...record } = parsed
      if (typeof v === 'number' && v > version) return refuseNewer()
      return v === version && hasShape(record, shape) ? (record as T) : undefined
    },
  }
}

/** Whether a value is an object with the fields of this shape. */
export function hasShape<T extends object>(value: unknown, shape: Shape<T>): value is T {
  if (!checks.object(value)) return false
  for (const name in shape) {
    const type = shape[name] as string
    const optional = type.endsWith('?')
    const field = (value as Record<string, unknown>)[name]
    const check = checks[(optional ? type.slice(0, -1) : type) as FieldType]
    if (field === undefined ? !optional : !check(field)) return false
  }
  return true
}

const isString = (value: unknown): boolean => typeof value === 'string'

const checks: Record<FieldType, (value: unknown) => boolean> = {
  string: isString,
  number: Number.isFinite,
  true: (value) => value === true,
  strings: (value) => Array.isArray(value) && value.every(isString),
  list: Array.isArray,
  lists: (value) => checks.object(value) && Object.values(value as object).every(checks.strings),
  pairs: (value) =>
    Array.isArray(value) &&
    value.every((each) => Array.isArray(each) && isString(each[0]) && Number.isFinite(each[1])),
  object: isJsonObject,
  any: () => true,
}
