import { isJsonObject } from '../../lib/json.ts'
import { ConfigurationError } from '../../errors.ts'
import { nearestNames, optionError } from '../../lib/options.ts'
import { isMisspelt, isSetUp, keyKind, ruleKeys } from './methods.ts'
import { fold, isBlankOrControlled, matches, patternOf, type Pattern } from './patterns.ts'
import { bareUris, exampleOf, isAmbiguous, normalUri } from './uri.ts'
import type { OperationOptions, OperationRule } from './operations.ts'
import { neededScopes } from '../scope-options.ts'

/** The checked rules, in the order in which they are searched. */
export interface Rules {
  /** The rules for this operation, all of which apply. Undefined: no rule names it, and it is refused. */
  find(method: string, name: string | undefined): readonly OperationRule[] | undefined
  /** Whether a rule for this method depends on the name. */
  dependsOnName(method: string): boolean
  /** Every scope that a rule names. */
  readonly scopes: readonly string[]
  /** Rules by name that match none of these, as `method name`. */
  unmatched(names: ReadonlyMap<string, readonly string[]>): string[]
}

interface Entry {
  readonly pattern: Pattern
  readonly rule: OperationRule
}

/**
 * `customMethods`: those of the server that no revision of MCP defines. `deny`: what no rule names is
 * refused.
 */
export function compileRules(rules: unknown, custom: readonly string[], deny: boolean): Rules {
  const variant = custom.find(isMisspelt)
  if (variant !== undefined)
    throw optionError('customMethods', 'a method that MCP does not define in another spelling', variant)
  const methods = Object.entries(requireObject('operations', rules)).map(([key, value]) => {
    const at = `operations.${key}`
    checkMethod(at, key, custom)
    return { pattern: patternOf(key), entries: compileEntries(at, key, value) }
  })
  methods.sort((a, b) => b.pattern.weight - a.pattern.weight || 0)
  const entries = methods.flatMap((each) => each.entries)

  const find = (method: string, read: (entry: Entry) => boolean): readonly Entry[] => {
    for (const each of methods) {
      if (!matches(each.pattern.parts, method)) continue
      const found = each.entries.filter(read)
      const most = Math.max(...found.map(({ pattern }) => pattern.weight))
      if (found.length > 0) return found.filter(({ pattern }) => pattern.weight === most)
    }
    return []
  }

  const named = (method: string, name: string): readonly Entry[] =>
    find(method, ({ pattern }) => matches(pattern.parts, name))

  const folded = (method: string, name: string, exact: readonly Entry[]): readonly Entry[] => {
    const plain = fold(name)
    return find(method, ({ pattern }) => matches(pattern.folded, plain)).filter((each) =>
      exact.every(({ pattern }) => !isSame(pattern, each.pattern)),
    )
  }

  return {
    unmatched: (names) =>
      methods.flatMap(({ pattern: method, entries: rules }) =>
        rules.flatMap(({ pattern }) => {
          const known = names.get(method.text)
          const idle = known?.every((name) => !matches(pattern.parts, name)) ?? false
          return idle && pattern.text !== '*' ? [`${method.text} ${pattern.text}`] : []
        }),
      ),
    scopes: [...new Set(entries.flatMap(({ rule }) => (typeof rule === 'function' ? [] : rule)))],
    dependsOnName: (method) =>
      methods.some(
        (each) =>
          matches(each.pattern.parts, method) &&
          each.entries.some(({ pattern, rule }) => pattern.text !== '*' || typeof rule === 'function'),
      ),
    find(method, name = '') {
      const exact = named(method, name)
      if (deny && exact.length === 0 && !isSetUp(method)) return undefined
      // A handler that ignores case or Unicode forms would run the operation of this name: its rule applies,
      // unless the table names both.
      const read = new Set([...exact, ...folded(method, name, exact)])
      // The same for a handler that only reads a part of the URI.
      for (const bare of bareUris(name)) {
        if (exact.length > 0 && exact.every(({ pattern }) => !matches(pattern.parts, bare))) continue
        const seen = named(method, bare)
        for (const each of [...seen, ...folded(method, bare, seen)]) read.add(each)
      }
      return [...read].map(({ rule }) => rule)
    },
  }
}

const isSame = (a: Pattern, b: Pattern): boolean => a.folded.join('*') === b.folded.join('*')

/** The options of `operationScopes`. */
const options: ReadonlySet<string> = new Set<keyof OperationOptions>([
  'default',
  'customMethods',
  'filterLists',
  'maxBytes',
])

function checkMethod(at: string, key: string, custom: readonly string[]): void {
  if (ruleKeys.includes(key) || custom.includes(key)) return
  const [nearest] = nearestNames(
    key,
    [...ruleKeys, ...custom].filter((each) => each !== '*'),
  )
  const hint = options.has(key)
    ? `it goes into the second argument: operationScopes(rules, { ${key}: … })`
    : nearest === undefined
      ? `names stand below their method: { 'tools/call': { ${JSON.stringify(key)}: … } }; a method of your own goes into customMethods`
      : `did you mean "${nearest}"?`
  throw new ConfigurationError(at, `is not a method of MCP; ${hint}`)
}

/** A rule for the whole method is one for every name. */
function compileEntries(at: string, method: string, value: unknown): readonly Entry[] {
  if (isRule(value)) return [{ pattern: patternOf('*'), rule: checkRule(at, value) }]
  const names = Object.entries(requireObject(at, value))
  if (keyKind(method) === undefined)
    throw new ConfigurationError(
      at,
      "must be scopes (['notes:read']) or a function, because its operations have no names",
    )
  return names.map(([name, rule]) => ({
    pattern: patternOf(checkName(`${at}.${name}`, method, name)),
    rule: checkRule(`${at}.${name}`, rule),
  }))
}

const isRule = (value: unknown): value is OperationRule => Array.isArray(value) || typeof value === 'function'

function checkRule(at: string, value: unknown): OperationRule {
  if (typeof value === 'function') return value as OperationRule
  return neededScopes().required(value, at)
}

function requireObject(at: string, value: unknown): Record<string, unknown> {
  if (isJsonObject(value)) return value
  throw optionError(at, "scopes (['notes:write']), a function, or an object of them by name", value)
}

/** The key in its normal form. Refuses keys that match no accepted name: their rule would protect nothing. */
function checkName(at: string, method: string, key: string): string {
  if (key === '' || isBlankOrControlled(key))
    throw new ConfigurationError(
      at,
      'can never match: names with blanks around them or control characters are refused',
    )
  const kind = keyKind(method)
  if (kind === 'name' || (kind !== 'uri' && !/^[a-z][a-z0-9+.-]*:\//i.test(key))) return key
  // A completion names a template as it was registered.
  const normal = normalPattern(kind === 'uri' ? key : exampleOf(key))
  if (normal !== undefined) return normal
  throw new ConfigurationError(
    at,
    'can never match: pass a URI in normal form (RFC 3986 §6.2), such as "file:///private/*"',
  )
}

/** A URI with `*` in it, in normal form; undefined if nothing in normal form matches it. */
function normalPattern(key: string): string | undefined {
  const normal = normalUri(key)
  // Dot segments may have taken a star with them.
  if (normal !== undefined) return normal.split('*').length === key.split('*').length ? normal : undefined
  const [start = ''] = key.split('*', 1)
  const mayBegin = start === '' || /^[a-z][a-z0-9+.-]*(?::.*)?$/.test(start)
  const hasStar = start.length < key.length
  return hasStar && mayBegin && !URL.canParse(key) && !/[\s\\"<>^`{|}]/.test(key) && !isAmbiguous(key)
    ? key
    : undefined
}
