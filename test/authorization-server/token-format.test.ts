import { expect, test } from 'vitest'
import {
  formatCode,
  formatJti,
  formatRefreshToken,
  namedGrant,
  opaquePrefixOf,
  parseCode,
  parseRefreshToken,
} from '../../src/authorization-server/token/format.ts'

const [a, b, c] = ['a'.repeat(27), `${'B'.repeat(25)}-_`, '0'.repeat(27)]

test('what is formatted is parsed', () => {
  const code = { grantId: a, secret: b }
  const refreshToken = { grantId: a, series: b, secret: c }
  expect(parseCode(formatCode(code))).toEqual(code)
  expect(parseRefreshToken(formatRefreshToken(refreshToken))).toEqual(refreshToken)
  for (const text of [formatCode(code), formatRefreshToken(refreshToken), formatJti(a, b)])
    expect(namedGrant(text)).toBe(a)
})

test.each([
  ['empty', ''],
  ['one part', a],
  ['four parts', `${a}.${b}.${c}.${a}`],
  ['a part too short', `${a}.${b.slice(1)}`],
  ['a part too long', `${a}.${b}x.${c}`],
  ['an empty part', `${a}..${c}`],
  ['a character of another alphabet', `${a}.${b.slice(1)}+`],
  ['a line break at the end', `${a}.${b}\n`],
  ['a version before it', `2.${a}.${b}`],
])('another form is neither a code nor a refresh token: %s', (_, text) => {
  expect([parseCode(text), parseRefreshToken(text)]).toEqual([undefined, undefined])
})

test('a code is not a refresh token, and the other way around', () => {
  expect(parseRefreshToken(`${a}.${b}`)).toBeUndefined()
  expect(parseCode(`${a}.${b}.${c}`)).toBeUndefined()
})

test.each(['', '.', 'x', `${a}x.${b}`, `.${a}`])('no grant is named by %j', (text) => {
  expect(namedGrant(text)).toBeUndefined()
})

test('the prefix of opaque tokens names the issuer', () => {
  expect(opaquePrefixOf('https://as.test')).toMatch(/^tga_[\w-]{8}$/)
  expect(opaquePrefixOf('https://as.test')).not.toBe(opaquePrefixOf('https://as.test/'))
})
