import { UnavailableError } from '../errors.ts'
import { parseObject } from './json.ts'

/** Writes and reads one kind of stored record. */
export interface Codec<T> {
  encode(record: T): string
  /** The record; undefined: damaged. Throws UnavailableError for a record that a newer version of Tollgate wrote. */
  decode(text: string): T | undefined
}

/** `lists`: lists of strings by name; `pairs`: a list of pairs of a string and a number. */
type Kind = 'string' | 'number' | 'true' | 'strings' | 'list' | 'lists' | 'pairs' | 'object'

/** The kind of each field; `?`: it may be absent. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Kind | `${Kind}?` }

const isString = (value: unknown): boolean => typeof value === 'string'

const checks: Record<Kind, (value: unknown) => boolean> = {
  string: isString,
  number: Number.isFinite,
  true: (value) => value === true,
  strings: (value) => Array.isArray(value) && value.every(isString),
  list: Array.isArray,
  lists: (value) => checks.object(value) && Object.values(value as object).every(checks.strings),
  pairs: (value) =>
    Array.isArray(value) &&
    value.every((each) => Array.isArray(each) && isString(each[0]) && Number.isFinite(each[1])),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const version = 1

/**
 * A codec for records of this shape. Every record carries a version: a store is shared by deployments of several versions, and
 * what an older one would misread must not be read by it. A field that is not in the shape stays in the record, so that an older
 * deployment drops nothing that a newer one added.
 */
export function recordCodec<T extends object>(shape: Shape<T>): Codec<T> {
  return {
    encode: (record) => JSON.stringify({ v: version, ...record }),
    decode(text) {
      const parsed = parseObject(text)
      if (parsed === undefined) return undefined
      const { v, ...record } = parsed
      if (typeof v === 'number' && v > version)
        throw new UnavailableError('A newer version of this server wrote this record')
      return v === version && fits(record, shape) ? (record as T) : undefined
    },
  }
}

/** Whether an object has the fields of this shape. */
export function fits<T extends object>(value: unknown, shape: Shape<T>): value is T {
  if (!checks.object(value)) return false
  return Object.entries<Kind | `${Kind}?`>(shape).every(([name, kind]) => {
    const field = (value as Record<string, unknown>)[name]
    return field === undefined ? kind.endsWith('?') : checks[kind.replace('?', '') as Kind](field)
  })
}
