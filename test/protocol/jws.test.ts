import { expect, test } from 'vitest'
import { hasCanonicalSignature, parseJws } from '../../src/protocol/jws.ts'

const joe = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
/** RFC 7515 A.3. */
const signed = `eyJhbGciOiJFUzI1NiJ9.${joe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`

test('RFC 4648 §3.5 a signature has one spelling: bits that decode to nothing are recognised', () => {
  expect(signed.endsWith('Q')).toBe(true)
  expect(hasCanonicalSignature(parseJws(signed)!)).toBe(true)
  expect(hasCanonicalSignature(parseJws(`${signed.slice(0, -1)}R`)!)).toBe(false)
  for (const [signature, isCanonical] of [
    ['A', false],
    ['AA', true],
    ['AB', false],
    ['AAA', true],
    ['AAE', true],
    ['AAB', false],
    ['AAAA', true],
    ['AAAB', true],
    ['AAAAA', false],
  ] as const)
    expect([signature, hasCanonicalSignature(parseJws(`e30.e30.${signature}`)!)]).toEqual([
      signature,
      isCanonical,
    ])
})

test('what was parsed already is taken only for the same token', () => {
  const parsed = parseJws(signed)!
  expect(parseJws(signed, parsed)).toBe(parsed)
  expect(parseJws('e30.e30.AA', parsed)).toEqual({ header: {}, payload: {}, token: 'e30.e30.AA' })
  expect(parseJws('opaque', parsed)).toBeUndefined()
})

test('RFC 7515 §7.1 the parts of a JWS', () => {
  const token = signed
  expect(parseJws(token)).toMatchObject({
    header: { alg: 'ES256' },
    payload: { iss: 'joe', exp: 1300819380 },
  })
  const umlaut = btoa(String.fromCharCode(...new TextEncoder().encode('{"sub":"zoë"}'))).replaceAll('=', '')
  expect(parseJws(`e30.${umlaut}.AA`)?.payload).toEqual({ sub: 'zoë' })
})

test('RFC 7515 §2 one spelling: no padding, no other alphabet, no space, nothing that is not UTF-8', () => {
  const wrong = [
    'e30=.e30.AA',
    'e30.e30=.AA',
    'e30.e30.AA==',
    'e30.e30.A/',
    'e30.e30.A+',
    ' e30.e30.AA',
    'e30.e30.AA\n',
  ]
  wrong.push(
    'e30.e30',
    'e30.e30.',
    '.e30.AA',
    'e30..AA',
    'e30.e30.AA.',
    'e30.bnVsbA.AA',
    'e30.W10.AA',
    'e.e30.AA',
  )
  // {"sub":"\xff"}
  wrong.push(`e30.${btoa('{"sub":"\u00ff"}').replaceAll('=', '')}.AA`, '', '..', 'x')
  for (const token of wrong) expect([token, parseJws(token)]).toEqual([token, undefined])
  expect(parseJws('e30.e30.AA')).toEqual({ header: {}, payload: {}, token: 'e30.e30.AA' })
})
