import { ConfigurationError } from '../errors.ts'
import { utf8 } from './bytes.ts'

/** Throws where options are no object, or hold a name that is not known. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigurationError(where, 'pass an object with the options')
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    const hint =
      nearest === undefined ? `known options are ${known.join(', ')}` : `did you mean "${nearest}"?`
    throw new ConfigurationError(`${where}.${name}`, `there is no such option; ${hint}`)
  }
}

export function requireString(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new ConfigurationError(option, 'pass a non-empty string')
  return value
}

export function requireFunction(option: string, value: unknown): void {
  if (typeof value !== 'function') throw new ConfigurationError(option, 'pass a function')
}

export function requireStrings(option: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string' || each === '')) {
    throw new ConfigurationError(option, 'pass a list of non-empty strings')
  }
  return value as string[]
}

/** A secret or a list of them, of at least 32 bytes each. The message does not repeat it. */
export function requireSecrets(option: string, value: unknown): readonly string[] {
  const secrets = [value].flat()
  if (secrets.length === 0 || secrets.some((each) => typeof each !== 'string' || utf8(each).length < 32))
    throw new ConfigurationError(option, 'must have at least 32 bytes: openssl rand -base64 32')
  return secrets as string[]
}

/** A number of seconds within its range, or the default. */
export function requireSeconds(
  option: string,
  value: unknown,
  range: { min: number; max: number; default: number },
): number {
  return number(option, value, range, 'seconds')
}

/** A whole number within its range, or the default. */
export function requireInteger(
  option: string,
  value: unknown,
  range: { min: number; max: number; default: number },
): number {
  const result = number(option, value, range, 'whole number')
  if (!Number.isInteger(result)) throw new ConfigurationError(option, 'pass a whole number')
  return result
}

function number(
  option: string,
  value: unknown,
  range: { min: number; max: number; default: number },
  unit: string,
): number {
  if (value === undefined) return range.default
  if (typeof value !== 'number' || !(value >= range.min && value <= range.max)) {
    throw new ConfigurationError(option, `pass a number from ${range.min} to ${range.max} (${unit})`)
  }
  return value
}

/** The known name that is at most two typing mistakes away. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = 3
  for (const each of known) {
    const mistakes = distance(each.toLowerCase(), name.toLowerCase())
    if (mistakes < least) [best, least] = [each, mistakes]
  }
  return best
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
