import { expect, test } from 'vitest'
import { writeDeadlines } from '../../src/store/deadline.ts'

test('T8 a write has a deadline, however many partitions were read since its own', () => {
  const { answered, deadline } = writeDeadlines()
  expect(deadline('first:grant')).toBeUndefined()
  for (const name of ['first', ...Array.from({ length: 20_000 }, (_, i) => `p${i}`)])
    answered(`${name}:grant`, 1e12)
  expect(deadline('first:grant')).toBeGreaterThan(1e12)
})
