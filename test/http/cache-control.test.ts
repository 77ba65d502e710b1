import { expect, test } from 'vitest'
import { privately, readFreshness } from '../../src/http/cache-control.ts'

test.each<[control: string, shared: boolean, age: string | undefined, expected: object]>([
  ['', false, undefined, { stored: true, revalidated: false, seconds: undefined }],
  ['Max-Age="300"', false, '100', { stored: true, seconds: 200 }],
  ['max-age=10', false, '100', { seconds: 0 }],
  ['max-age=10', false, '-5', { seconds: 10 }],
  ['max-age=1e3', false, undefined, { seconds: undefined }],
  ['max-age=5, s-maxage=9', false, undefined, { seconds: 5 }],
  ['max-age=5, s-maxage=9', true, undefined, { seconds: 9 }],
  ['private, max-age=5', false, undefined, { stored: true, seconds: 5 }],
  ['private, max-age=5', true, undefined, { stored: false }],
  ['no-store', false, undefined, { stored: false }],
  ['no-cache', true, undefined, { stored: true, revalidated: true }],
])('RFC 9111 §5.2.2 %j, shared: %j', (control, shared, age, expected) => {
  const headers = new Headers({ 'cache-control': control, ...(age === undefined ? {} : { age }) })
  expect(readFreshness(headers, { shared })).toMatchObject(expected)
})

test('RFC 9111 §3.5 an authorized answer is kept out of shared caches unless the handler decided', () => {
  expect(privately(null)).toBe('no-store')
  expect(privately('max-age=5')).toBe('max-age=5, private')
  for (const decided of ['no-store', 'PUBLIC, max-age=5', 'private'])
    expect(privately(decided)).toBeUndefined()
})
