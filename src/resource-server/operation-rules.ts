import { ConfigurationError } from '../errors.ts'
import type { OperationRule, OperationRules } from './operations.ts'
import { requireNeeded } from './resources.ts'

/** The rules, checked and in the order in which they are looked up. */
export interface Rules {
  /** What the most specific rule for this operation says; undefined: no rule names it. */
  find(method: string, name: string | undefined): OperationRule | undefined
}

type Keyed<T> = readonly (readonly [pattern: string, value: T])[]

export function compileRules(rules: OperationRules): Rules {
  const methods = bySpecificity(requireObject('operations', rules)).map(([pattern, value]) => {
    const at = `operations.${pattern}`
    // A rule for the whole method is one for every name.
    return [
      pattern,
      isRule(value) ? [['*', checkRule(at, value)] as const] : compileNames(at, value),
    ] as const
  })
  return {
    find(method, name = '') {
      for (const [pattern, names] of methods) {
        if (!matches(pattern, method)) continue
        const rule = names.find(([each]) => matches(each, name))
        if (rule !== undefined) return rule[1]
      }
      return undefined
    },
  }
}

const isRule = (value: unknown): value is OperationRule => Array.isArray(value) || typeof value === 'function'

function checkRule(at: string, value: unknown): OperationRule {
  if (typeof value === 'function') return value as OperationRule
  return requireNeeded(at, value)
}

function compileNames(at: string, value: unknown): Keyed<OperationRule> {
  const names = bySpecificity(requireObject(at, value))
  return names.map(([pattern, rule]) => [pattern, checkRule(`${at}.${pattern}`, rule)])
}

function requireObject(at: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new ConfigurationError(at, "pass scopes (['notes:write']), a function, or an object of them by name")
}

/** Whole keys before patterns, long patterns before short ones. */
function bySpecificity(object: Record<string, unknown>): Keyed<unknown> {
  const weight = (pattern: string): number =>
    pattern.includes('*') ? pattern.replaceAll('*', '').length : Number.POSITIVE_INFINITY
  // Two whole keys never match the same text, so their order does not matter; Infinity - Infinity would be NaN.
  return Object.entries(object).sort(
    ([a], [b]) => Number(weight(a) < weight(b)) - Number(weight(b) < weight(a)),
  )
}

/** `*` stands for any characters. Without backtracking over more than the last star, so never worse than the product of the lengths. */
function matches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
