import { expect, test } from 'vitest'
import { isJsonObject, parseJson, parseObject } from '../../src/lib/json.ts'

const once = [
  '{}',
  ' [ ] ',
  'null',
  '"a:b"',
  '{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}',
  '{"a:b":"c:\\"d:","e\\\\":":"}',
  '{"\\u0061":1,"A":2,"":3,"__proto__":{"a":1},"constructor":4}',
  '{"0":1,"00":2,"-0":3}',
  '{ "a" : [ [ { } , { "x" : null } ] ] }',
]

test('S25 a text that names each member once is what JSON.parse makes of it', () => {
  for (const text of once) expect(parseJson(text), text).toEqual(JSON.parse(text))
})

const twice = [
  '{"a":1,"a":1}',
  '{"a":1,"b":2,"a":3}',
  '{"a":1,"\\u0061":2}',
  '{"x":{"a":1,"a":2}}',
  '[{"a":1},{"b":[{"c":1,"c":2}]}]',
  '{"a":{"b":1,"c":2},"a":{}}',
  '{"a":{},"a":{"b":1,"c":2}}',
  '{"":1,"":2}',
  '{"__proto__":1,"__proto__":2}',
  '{"a":"\\\\","a":"\\""}',
]

test('S25 a text that names a member twice is refused, at any depth and in any spelling', () => {
  for (const text of twice) {
    expect(() => JSON.parse(text) as unknown, text).not.toThrow()
    expect(() => parseJson(text), text).toThrow(SyntaxError)
    expect(parseObject(text), text).toBeUndefined()
  }
})

test('parseObject takes nothing but objects', () => {
  expect(parseObject('{"a":1}')).toEqual({ a: 1 })
  for (const text of ['', '[]', 'null', '1', '"a"', '{', '{"a":1'])
    expect(parseObject(text), text).toBeUndefined()
})

test('S25 a text that is nested deeper than a call stack is read like any other', () => {
  const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}`
  expect(() => parseJson(`${deep}}`)).not.toThrow()
  expect(() => parseJson(`${deep},"a":1}`)).toThrow(SyntaxError)
})

test('a JSON object is an object that is neither null nor a list', () => {
  expect([{}, { a: 1 }, Object.create(null)].every(isJsonObject)).toBe(true)
  expect([null, undefined, [], 'x', 1, true, () => 1].some(isJsonObject)).toBe(false)
})
