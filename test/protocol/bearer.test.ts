import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAuthorization, readBearer } from '../../src/protocol/bearer.ts'

const request = (authorization?: string | string[], url = 'https://mcp.test/mcp'): Request => {
  const headers = new Headers()
  for (const each of [authorization ?? []].flat()) headers.append('authorization', each)
  return new Request(url, { headers })
}

const outcome = (authorization: string | string[]): unknown => {
  try {
    return readBearer(request(authorization))
  } catch (error) {
    const { code, status } = error as { code: string; status: number }
    return `${status} ${code}`
  }
}

describe('RFC 6750 §2.1', () => {
  test('the credential of the Authorization header', () => {
    expect(outcome('Bearer abc.DEF-1_2~3+/==')).toBe('abc.DEF-1_2~3+/==')
    expect(outcome(`Bearer ${'x'.repeat(16_384)}`)).toBe('x'.repeat(16_384))
    expect(readBearer(request())).toBeUndefined()
  })

  test('every b64token comes back as it was sent', () => {
    const token = fc
      .tuple(fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,100}$/), fc.nat(3))
      .map(([text, padding]) => text + '='.repeat(padding))
    fc.assert(
      fc.property(token, (text) => {
        expect(outcome(`Bearer ${text}`)).toBe(text)
      }),
    )
  })

  test('whatever comes, the answer is a b64token, nothing, 400 or 401', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    })
    fc.assert(
      fc.property(fc.constantFrom('Bearer ', 'Bearer', 'bearer  ', 'Basic ', ''), ascii, (scheme, rest) => {
        expect(String(outcome(scheme + rest))).toMatch(
          /^(?:undefined|400 invalid_request|401 invalid_token|[A-Za-z0-9._~+/-]+=*)$/,
        )
      }),
    )
  })
})

test.each(['bearer abc', 'BEARER abc', 'bEaReR abc', 'Bearer  abc', 'Bearer     abc'])(
  'G2 scheme in any case, any number of spaces: %s',
  (header) => expect(outcome(header)).toBe('abc'),
)

test.each([
  'Token abc',
  'JWT abc',
  'Basic YTpi',
  'DPoP abc',
  'abc',
  'eyJhbGciOiJIUzI1NiJ9.e30.x',
  'Bearerabc',
  'Bearer=abc',
  'Bearer:abc',
  'XBearer abc',
  'Beare abc',
  '"earer abc',
  '',
])('G3 no Bearer credential: %j', (header) => expect(outcome(header)).toBeUndefined())

test.each([
  'Bearer',
  'Bearer ',
  'bearer      ',
  'Bearer a b',
  'Bearer "abc"',
  'Bearer ab"c',
  'Bearer abc;x',
  'Bearer tökén',
  'Bearer \u00ff',
  'Bearer a=b',
  'Bearer =',
  'Bearer ==',
  'Bearer a:b',
  'Bearer a\tb',
  'Bearer Bearer abc',
])('G4 bad syntax: %j', (header) => expect(outcome(header)).toBe('401 invalid_token'))

test.each<[string, string | string[]]>([
  ['valid and valid', ['Bearer alice', 'Bearer bob']],
  ['valid and garbage', ['Bearer alice', 'garbage']],
  ['Basic and Bearer', ['Basic YTpi', 'Bearer bob']],
  ['Bearer and Basic', ['Bearer bob', 'Basic YTpi']],
  ['DPoP and Bearer', ['DPoP alice', 'bearer bob']],
  ['joined', 'Bearer a, Bearer b'],
  ['joined without a space', 'Bearer a,Bearer b'],
  ['joined with spaces before the comma', 'Bearer a  , Bearer b'],
  ['joined with an empty one', 'Bearer a,'],
  ['Basic joined with a bare Bearer', 'Basic YTpi,Bearer'],
])('G5 several credentials: %s', (_, header) => expect(outcome(header)).toBe('400 invalid_request'))

test('G5 two headers of which neither is Bearer are no Bearer credential', () => {
  expect(outcome(['Basic YTpi', 'Token abc'])).toBeUndefined()
})

test('G6 neither the query nor the body nor another header is looked at', () => {
  const url = 'https://mcp.test/mcp?access_token=bob'
  expect(readBearer(request(undefined, url))).toBeUndefined()
  expect(readBearer(request('Bearer alice', url))).toBe('alice')
  const headers = { 'x-access-token': 'bob', 'sec-websocket-protocol': 'bearer, bob' }
  const body = new URLSearchParams({ access_token: 'bob' })
  const other = new Request(url, { method: 'POST', headers, body })
  expect(readBearer(other)).toBeUndefined()
  expect(other.bodyUsed).toBe(false)
})

test.each([16_385, 17 * 1024, 64 * 1024, 1024 * 1024])('RC4 G7 a token of %i characters', (length) =>
  expect(outcome(`Bearer ${'x'.repeat(length)}`)).toBe('431 invalid_request'),
)

test('G7 hostile headers of a megabyte are read in linear time', () => {
  const comma = `x${', '.repeat(500_000)}`
  expect(outcome(comma)).toBeUndefined()
  expect(outcome(`Basic ${' '.repeat(1_000_000)}x`)).toBeUndefined()
  expect(outcome(`Bearer${' '.repeat(1_000_000)}x`)).toBe('x')
})

test('the message says what is wrong and never quotes the credential', () => {
  for (const header of ['Bearer se cret', 'Bearer secret, Bearer other', `Bearer ${'secret'.repeat(3000)}`]) {
    expect(() => readBearer(request(header))).toThrow(/^(?!.*(?:secret|cret))/)
  }
})

test('readAuthorization splits scheme and credentials', () => {
  const read = (header: string): unknown => readAuthorization(new Headers({ authorization: header }))
  expect(read('BASIC  YTpi')).toEqual({ scheme: 'basic', credentials: 'YTpi' })
  expect(read('DPoP abc')).toEqual({ scheme: 'dpop', credentials: 'abc' })
  expect(read('Basic')).toEqual({ scheme: 'basic', credentials: '' })
  expect(readAuthorization(new Headers())).toBeUndefined()
})
