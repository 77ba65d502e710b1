import { isJsonObject } from './json.ts'
import { ConfigurationError } from '../errors.ts'
import type { Cache } from '../types.ts'
import { utf8 } from './bytes.ts'

/**
 * Reads the value of one option: checks it, and throws a ConfigurationError that names the option. `isNamed`:
 * whether the caller has named it, perhaps with the value `undefined`.
 */
export type Option<T> = (value: unknown, name: string, isNamed?: boolean) => T

/** An option that may be left out. `what` completes "must be …". */
export interface OptionalOption<T> extends Option<T | undefined> {
  readonly what: string
  /** The same option, which may not be left out. */
  readonly required: Option<T>
  /** The same option with a default, which is read as if the caller had passed it. */
  default(value: unknown): Option<T>
  /** Whether the value fits, if that needs no error to be thrown. */
  readonly accepts?: (value: unknown) => boolean
}

/**
 * One row per option of a public function. A missing row, a row for an unknown option, and a row that may
 * be left out for a required option do not compile.
 */
export type OptionTable<T> = {
  readonly [K in keyof T]-?: Option<{} extends Pick<T, K> ? T[K] | undefined : T[K]>
}

/** Rows of options that all may be left out, for tables that share them. */
export type OptionalRows<T> = { readonly [K in keyof T]-?: OptionalOption<Exclude<T[K], undefined>> }

/** Every option of the table, with its default. A function has the type that the caller gave it. */
export type Resolved<Table, Given = {}> = {
  readonly [K in keyof Table]: Table[K] extends Option<infer T>
    ? AnyFunction extends T
      ? (K extends keyof Given ? Extract<Given[K], AnyFunction> : AnyFunction) | Extract<T, undefined>
      : T
    : never
}

type AnyFunction = (...args: any[]) => any

/**
 * Checks the options of a public function against its table and fills in the defaults. `mistakes` maps wrong
 * names that resemble no right one, with blanks between them, to the right one (`audience: 'resource'`,
 * `choices: 'consent.choices'`), or to a sentence that says what to do.
 */
export function readOptions<T extends object, const Table extends OptionTable<T>>(
  caller: string,
  given: T,
  table: Table & NoExtraRows<Table, T>,
  mistakes?: Readonly<Record<string, string>>,
): Resolved<Table, T> {
  return read(caller, '', given, table, mistakes) as Resolved<Table, T>
}

type NoExtraRows<Table, T> = { readonly [K in Exclude<keyof Table, keyof T>]: never }

function read<Table>(
  caller: string,
  prefix: string,
  given: unknown,
  table: Table,
  mistakes: Readonly<Record<string, string>> = {},
): Resolved<Table> {
  const known = Object.keys(table as object)
  if (!isJsonObject(given)) throw optionError(caller, shapeOf(known), given)
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const [, right = nearestNames(name, known)[0]] =
      Object.entries(mistakes).find(([names]) => names.split(' ').includes(name)) ?? []
    throw new ConfigurationError(`${caller}.${name}`, `is not an option; ${adviceOf(right, name, known)}`)
  }
  const rows = Object.entries(table as Record<string, Option<unknown>>)
  return Object.fromEntries(
    rows.map(([name, row]) => [name, row(given[name], prefix + name, name in given)]),
  ) as Resolved<Table>
}

/**
 * `right` is a name or a sentence. Without it: all options of a short table, or those that look most alike.
 */
function adviceOf(right: string | undefined, name: string, known: readonly string[]): string {
  if (right !== undefined) return /^[\w.]+$/.test(right) ? `did you mean "${right}"?` : right
  return known.length > 8
    ? `the nearest options are ${nearestNames(name, known, 99).slice(0, 3).join(', ')}`
    : `the options are ${known.join(', ')}`
}

const shapeOf = (names: readonly string[]): string =>
  `an object such as { ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''} }`

/** "`name` must be …; got …": the one grammar of wrong options. The hint says the way out. */
export const optionError = (name: string, what: string, value: unknown, hint?: string): ConfigurationError =>
  wrongOption(name, what, value === undefined ? undefined : show(value), hint)

/** `got`: undefined if the option is left out. */
const wrongOption = (name: string, what: string, got: string | undefined, hint = ''): ConfigurationError =>
  new ConfigurationError(
    name,
    `must be ${what}; ${got === undefined ? 'it is required' : `got ${got}`}${hint && `. ${hint}`}`,
  )

/** Of a URL neither password nor query: either may be a secret, and the message ends in a log. */
const withoutSecrets = (text: string): string =>
  text.replace(/\/\/[^/@]*@/, '//…@').replace(/^([a-z]+:\/\/[^?]*\?).+/is, '$1…')

/** Of objects only their kind. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(withoutSecrets(value).slice(0, 80))
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  return Object(value) === value ? kindOf(value) : String(value)
}

/** What most often stands for an object by mistake has a name. */
function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise: await it'
  if (value instanceof URL) return 'a URL object: pass its href'
  return isJsonObject(value) && Object.keys(value).length === 0 ? 'object, which is empty' : typeof value
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/** Throws if JSON would lose what the value is: of a Map or a promise it makes `{}`. */
export function requireJson(value: unknown, name: string): void {
  const check = (_: string, each: unknown): unknown => {
    const kind = tagOf(each)
    if (/^(?:Object|Array|String|Boolean|Null|Undefined)$/.test(kind) || Number.isFinite(each)) return each
    throw new ConfigurationError(name, `must be JSON; got ${kind === 'Number' ? String(each) : `a ${kind}`}`)
  }
  JSON.stringify(value, check)
}

/** A row that checks and converts; `check` throws an {@link optionError}. */
export function custom<T>(what: string, check: (value: unknown, name: string) => T): OptionalOption<T> {
  return Object.assign(
    (value: unknown, name: string) => (value === undefined ? undefined : check(value, name)),
    {
      what,
      required: check,
      default: (standard: unknown) => (value: unknown, name: string) =>
        check(value === undefined ? standard : value, name),
    },
  )
}

/** A row for values that a predicate accepts, as they are. */
export function matching<T>(
  what: string,
  accepts: (value: unknown) => boolean,
  hint?: string,
): OptionalOption<T> {
  const row = custom(what, (value, name) => {
    if (!accepts(value)) throw optionError(name, what, value, hint)
    return value as T
  })
  return Object.assign(row, { accepts })
}

/** A non-empty string, as a whole of this pattern. */
export const text = (
  what: string = 'a non-empty string',
  pattern: RegExp = /./s,
  hint?: string,
): OptionalOption<string> => matching(what, (value) => typeof value === 'string' && pattern.test(value), hint)

/** A non-empty string that no message shows. */
export const secret = (): OptionalOption<string> => {
  const { what, required } = text()
  // What is refused is the empty string, or no string: a number may be the secret.
  return custom(what, (value, name) =>
    required(value && typeof value !== 'string' ? { secret: '' } : value, name),
  )
}

/**
 * A {@link secret} without which the client is public. Downgrade: `undefined` is no way to leave it out,
 * because it is what an environment variable is that is not set.
 */
export const clientSecret = (): OptionalOption<string> => {
  const row = secret()
  const read: Option<string | undefined> = (value, name, isNamed) => {
    if (value !== undefined || !isNamed) return row(value, name)
    throw new ConfigurationError(name, `must be ${row.what}; got undefined. Leave it out for a public client`)
  }
  return Object.assign(read, row)
}

/** A secret or a list of them, of at least 32 bytes each. No message shows one. */
export const secrets = (): OptionalOption<readonly string[]> => {
  const what = 'a random secret of at least 32 bytes, or a list of them'
  return custom(what, (value, name) => {
    const values = [value].flat()
    const wrong = values.findIndex((each) => typeof each !== 'string' || utf8(each).length < 32)
    if (values.length === 0 || wrong >= 0)
      throw secretError(name, what, values[wrong], 'Make one with: openssl rand -base64 32')
    return values as string[]
  })
}

/** As {@link optionError}, with the length of a secret in place of its text. */
export function secretError(name: string, what: string, value: unknown, hint?: string): ConfigurationError {
  const got = typeof value === 'string' ? `${utf8(value).length} bytes` : kindOf(value)
  return wrongOption(name, what, value === undefined ? undefined : got, hint)
}

/** An absolute URL, as the caller wrote it. */
export const url = (
  what: string = 'an absolute URL',
  accepts: (url: URL, text: string) => boolean = () => true,
  hint?: string,
): OptionalOption<string> =>
  matching(
    what,
    (value) => typeof value === 'string' && URL.canParse(value) && accepts(new URL(value), value),
    hint,
  )

/**
 * Throws if the path has an empty segment. A URL may have one, but users and clients write one slash, and no
 * request or token would match.
 */
export function rejectEmptySegment(value: string, name: string): void {
  if (new URL(value).pathname.includes('//'))
    throw optionError(name, 'a URL without "//" in its path', value, 'Does a base URL end with a slash?')
}

export const flag = (): OptionalOption<boolean> => oneOf([true, false])

export const oneOf = <const T extends string | number | boolean>(values: readonly T[]): OptionalOption<T> =>
  matching(values.map((each) => JSON.stringify(each)).join(' or '), (value) => values.includes(value as T))

/** The range of a number, both ends included. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** A duration in seconds, with fractions. */
export const seconds = (range: Range): OptionalOption<number> =>
  matching(`a number of seconds from ${range.min} to ${range.max}`, (value) => within(range, value))

/** `unit` is named if it is a duration. */
export const integer = (range: Range, unit: '' | ' of seconds' = ''): OptionalOption<number> =>
  matching(
    `a whole number${unit} from ${range.min} to ${range.max}`,
    (value) => Number.isInteger(value) && within(range, value),
  )

const within = ({ min, max }: Range, value: unknown): boolean =>
  typeof value === 'number' && value >= min && value <= max

/** A list of non-empty strings. */
export const strings = (): OptionalOption<readonly string[]> => list(text())

/** A list of such values. */
export const list = <T>(item: OptionalOption<T>): OptionalOption<readonly T[]> => {
  const what = `a list, each item ${item.what}`
  return custom(what, (value, name) => {
    if (!Array.isArray(value)) throw optionError(name, what, value)
    return value.map((each, i) => item.required(each, `${name}[${i}]`))
  })
}

/** A list of such values, which is not empty. */
export const filledList = <T>(item: OptionalOption<T>): OptionalOption<readonly T[]> => {
  const { what, required } = list(item)
  return custom(what, (value, name) => {
    const values = required(value, name)
    if (!values.length) throw optionError(name, what, value)
    return values
  })
}

/** An object with a value of this kind under each name; `example` is shown if it is not an object. */
export const record = <T>(item: Option<T>, example: string): OptionalOption<Readonly<Record<string, T>>> =>
  custom(`an object such as ${example}`, (value, name) => {
    if (!isJsonObject(value)) throw optionError(name, `an object such as ${example}`, value)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, item(each, `${name}.${key}`)]))
  })

/** An object with the options of this table. */
export const object = <const Table extends object>(
  table: Table,
  mistakes?: Readonly<Record<string, string>>,
): OptionalOption<Resolved<Table>> =>
  custom(shapeOf(Object.keys(table)), (value, name) => read(name, `${name}.`, value, table, mistakes))

/** An object with these methods, used as it is: a store, a cache, a sign-in. */
export const methods = <T>(names: readonly string[], what: string, hint?: string): OptionalOption<T> =>
  matching(
    what,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    hint,
  )

/** A cache. A store answers with records, so no entry would ever be found in it. */
export const cache = (): OptionalOption<Cache> => {
  const { what, accepts } = methods(['get', 'put', 'delete'], 'a cache such as memoryCache(), not a store')
  return matching(what, (value) => accepts!(value) && (value as { kind?: unknown }).kind !== 'store')
}

export const func = (what: string = 'a function'): OptionalOption<AnyFunction> =>
  matching(what, (value) => typeof value === 'function')

/** The first of these kinds that fits. */
export const either = <T extends readonly OptionalOption<unknown>[]>(
  ...options: T
): OptionalOption<T[number] extends OptionalOption<infer U> ? U : never> => {
  const what = options.map((each) => each.what).join(', or ')
  return custom(what, (value, name) => {
    for (const option of options) {
      // The first Error of an isolate costs a cold start 4 ms in workerd, so none is thrown only to be
      // caught.
      if (option.accepts?.(value) === false) continue
      try {
        return option.required(value, name) as never
      } catch (error) {
        // A mistake inside an object says more than "neither fits".
        if ((error as ConfigurationError).option !== name) throw error
      }
    }
    throw optionError(name, what, value)
  })
}

/** The known names that are at most so many typing mistakes away, the nearest first. */
export function nearestNames(name: string, known: readonly string[], most: number = 2): string[] {
  const mistakes = (each: string): number => distance(each.toLowerCase(), name.toLowerCase())
  return known.filter((each) => mistakes(each) <= most).sort((a, b) => mistakes(a) - mistakes(b))
}

/** The Levenshtein distance, a row of its table for each letter of `a`. */
function distance(a: string, b: string): number {
  let row = Array.from(` ${b}`, (_, i) => i)
  for (const letter of a) {
    let left = 99
    row = row.map(
      (above, i) => (left = 1 + Math.min(above, left, (row[i - 1] ?? left) - Number(letter === b[i - 1]))),
    )
  }
  return row.at(-1)!
}
