import type { Finding } from '../types.ts'
import { finding } from './finding.ts'

/** `Date` has whole seconds, and an answer takes its time: a smaller difference says nothing. */
const tolerance = 10

/**
 * Whether the clock of this origin differs from ours by so many seconds that tokens expire too early or too
 * late.
 */
export function checkClock([origin, skew]: [string, number]): Finding[] {
  if (Math.abs(skew) <= tolerance) return []
  const side = skew > 0 ? 'ahead of' : 'behind'
  return [
    finding(
      'warning',
      'clock.skewed',
      `the clock of ${origin} is ${Math.abs(skew)} s ${side} this one; tokens count as expired, or as not valid yet, too early`,
      'let both machines keep their time by NTP',
      origin,
    ),
  ]
}
