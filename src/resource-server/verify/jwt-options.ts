import { matching, oneOf, seconds, strings, type OptionalOption, type Option } from '../../lib/options.ts'
import type { AudienceRule } from '../../types.ts'

/** The rows that JWTs have in common, whether keys or a secret sign them. */
export const jwtRows = (): {
  readonly audience: Option<AudienceRule>
  readonly typ: Option<'at+jwt' | 'jwt'>
  readonly scopeClaims: OptionalOption<readonly string[]>
  readonly clockSkew: Option<number>
} => ({
  audience: matching<AudienceRule>(
    '"resource", { aud: [value, …] } or { claim: name, equals: [value, …] }',
    isAudienceRule,
  ).default('resource'),
  typ: oneOf(['at+jwt', 'jwt']).default('at+jwt'),
  scopeClaims: strings(),
  clockSkew: seconds({ min: 0, max: 60 }).default(5),
})

function isAudienceRule(rule: unknown): boolean {
  if (rule === 'resource') return true
  if (typeof rule !== 'object' || rule === null) return false
  const { claim, equals, aud } = rule as Record<string, unknown>
  if (claim === undefined) return isFilledList(aud)
  return typeof claim === 'string' && isFilledList(equals) && (aud === undefined || isFilledList(aud))
}

/** Whether it is a list of at least one non-empty string. */
const isFilledList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && each !== '')
