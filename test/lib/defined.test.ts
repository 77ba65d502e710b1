import { expect, test } from 'vitest'
import { defined, type Defined } from '../../src/lib/defined.ts'

test('defined drops what is undefined, and nothing else', () => {
  const nothing: string | undefined = undefined
  const values = { a: nothing, b: null, c: 0, d: '', e: false, f: 'x' as string | undefined }
  expect(defined(values)).toStrictEqual({ b: null, c: 0, d: '', e: false, f: 'x' })
  expect(Object.keys(defined({ a: undefined }))).toEqual([])
})

test('defined takes own members only, and keeps their order', () => {
  const inherited = Object.create({ secret: 1 }, { own: { value: 2, enumerable: true } }) as object
  expect(defined(inherited)).toStrictEqual({ own: 2 })
  expect(Object.keys(defined({ b: 1, x: undefined, a: 2 }))).toEqual(['b', 'a'])
})

test('the types follow: what may be undefined becomes optional, the rest stays required', () => {
  type Expected = { a: string; b?: number }
  const result: Defined<{ a: string; b: number | undefined }> = { a: 'x' }
  const same: Expected = result
  // @ts-expect-error A required member stays required.
  const wrong: Defined<{ a: string }> = {}
  expect([same, wrong]).toEqual([{ a: 'x' }, {}])
})
