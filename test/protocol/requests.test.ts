import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import {
  authorizationResponse,
  readAuthorizationParameters,
} from '../../src/protocol/authorization-request.ts'
import { isCodeChallenge, isCodeVerifier, s256 } from '../../src/protocol/pkce.ts'
import { readClientCredentials, singleParameters } from '../../src/protocol/token-request.ts'

describe('OAuth 2.1 §4.1.1 authorization request', () => {
  const read = (query: string): ReturnType<typeof readAuthorizationParameters> =>
    readAuthorizationParameters(new URLSearchParams(query))

  test('AZ1 AZ2 AZ4 what came twice is named', () => {
    for (const name of [
      'client_id',
      'redirect_uri',
      'response_type',
      'state',
      'scope',
      'code_challenge',
      'code_challenge_method',
    ]) {
      expect(read(`${name}=a&${name}=b`).repeated, name).toEqual([name])
      expect(read(`${name}=&${name}=`).repeated, name).toEqual([name])
    }
  })

  test('AZ4 empty is absent; unknown is ignored, also twice', () => {
    const { values, repeated } = read('client_id=&state=%20&foo=1&foo=2&__proto__=x&__proto__=y')
    expect([...values]).toEqual([['state', ' ']])
    expect(repeated).toEqual([])
  })

  test('AZ10 RFC 8707 §2: several resources', () => {
    expect(read('resource=https://a.test&resource=&resource=https://b.test').resources).toEqual([
      'https://a.test',
      'https://b.test',
    ])
    expect(read('').resources).toEqual([])
  })
})

describe('RFC 9207 §2 authorization response', () => {
  const iss = 'https://as.test'

  test('AZ13 code, state and iss, each once', () => {
    const url = authorizationResponse('https://app.test/cb?tenant=a%20b', {
      code: 'c',
      state: 's&x=1 é',
      iss,
    })
    expect(url).toBe(
      'https://app.test/cb?tenant=a%20b&code=c&state=s%26x%3D1+%C3%A9&iss=https%3A%2F%2Fas.test',
    )
  })

  test('AZ13 an error without a state', () => {
    expect(authorizationResponse('http://127.0.0.1:1', { error: 'access_denied', iss })).toBe(
      'http://127.0.0.1:1?error=access_denied&iss=https%3A%2F%2Fas.test',
    )
    expect(authorizationResponse('cursor://a/b', { error: 'x', error_description: 'y', iss })).toBe(
      'cursor://a/b?error=x&error_description=y&iss=https%3A%2F%2Fas.test',
    )
  })

  test('R4 reserved parameters of the registered URI are replaced', () => {
    const url = new URL(
      authorizationResponse('https://app.test/cb?co%64e=evil&a=1&iss=evil&state=evil&error=evil&b', {
        code: 'good',
        state: 'sent',
        iss,
      }),
    )
    expect([...url.searchParams]).toEqual([
      ['a', '1'],
      ['b', ''],
      ['code', 'good'],
      ['state', 'sent'],
      ['iss', iss],
    ])
  })

  test('what the browser carries is what was sent, and the URI before it is untouched', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1 })
    const registered = fc.constantFrom(
      'https://app.test/cb',
      'https://app.test/cb?a=%2F&b',
      'http://[::1]:1/',
    )
    fc.assert(
      fc.property(registered, value, fc.option(value, { nil: undefined }), (uri, code, state) => {
        const url = authorizationResponse(uri, { code, state, iss })
        expect(url.startsWith(uri)).toBe(true)
        const params = new URL(url).searchParams
        expect(params.getAll('code')).toEqual([code])
        expect(params.getAll('state')).toEqual(state === undefined ? [] : [state])
        expect(params.getAll('iss')).toEqual([iss])
        expect(params.has('error')).toBe(false)
      }),
    )
  })
})

describe('RFC 7636', () => {
  test('appendix B', async () => {
    const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    expect(await s256(verifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
    expect(isCodeVerifier(verifier)).toBe(true)
  })

  test('AZ6 challenges', () => {
    expect(isCodeChallenge('a'.repeat(43))).toBe(true)
    for (const wrong of [42, 44, 129].map((length) => 'a'.repeat(length)))
      expect(isCodeChallenge(wrong)).toBe(false)
    for (const char of ['=', '+', '/', '.', '~', '\n', 'é'])
      expect(isCodeChallenge('a'.repeat(42) + char), char).toBe(false)
    expect(isCodeChallenge(`${'a'.repeat(43)}\n`)).toBe(false)
  })

  test('TK5 verifiers', () => {
    for (const length of [43, 128]) expect(isCodeVerifier('a-._~Z9'.padEnd(length, 'x'))).toBe(true)
    for (const length of [0, 42, 129]) expect(isCodeVerifier('x'.repeat(length))).toBe(false)
    for (const char of ['=', '+', '/', ' ', '\n', 'é'])
      expect(isCodeVerifier('x'.repeat(43) + char), char).toBe(false)
  })
})

describe('OAuth 2.1 §3.2.2 token request', () => {
  const parameters = (text: string): unknown =>
    Object.fromEntries(singleParameters(new URLSearchParams(text)))

  test('TK16 once each, empty is absent, unknown and __proto__ are harmless', () => {
    expect(parameters('grant_type=x&scope=&foo=1')).toEqual({ grant_type: 'x', foo: '1' })
    const map = singleParameters(new URLSearchParams('__proto__=x&constructor=y'))
    expect(map.get('__proto__')).toBe('x')
    expect(map.get('toString')).toBeUndefined()
  })

  test.each(['a=1&a=1', 'a=1&a=', 'a=&a=', 'grant_type=x&b=1&grant_type=y', '__proto__=1&__proto__=2'])(
    'TK16 repeated: %s',
    (text) =>
      expect(() => parameters(text)).toThrow(
        expect.objectContaining({ code: 'invalid_request', status: 400 }),
      ),
  )
})

describe('OAuth 2.1 §2.4 client authentication', () => {
  const read = (authorization: string | undefined, form: Record<string, string> = {}): unknown => {
    const headers = new Headers(authorization === undefined ? [] : [['authorization', authorization]])
    try {
      return readClientCredentials(
        new Request('https://as.test/token?client_id=evil&client_secret=evil', { headers }),
        new Map(Object.entries(form)),
      )
    } catch (error) {
      const { code, status } = error as OAuthError
      return `${status} ${code}`
    }
  }
  const basic = (id: string, secret: string): string =>
    `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${id}:${secret}`)))}`
  const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

  test('none and client_secret_post, from the body alone', () => {
    expect(read(undefined, { client_id: 'a' })).toEqual({ method: 'none', candidates: [{ clientId: 'a' }] })
    expect(read(undefined, { client_id: 'a', client_secret: 's' })).toEqual({
      method: 'client_secret_post',
      candidates: [{ clientId: 'a', secret: 's' }],
    })
  })

  test('CA2 nothing is read from the URL', () => {
    expect(read(undefined)).toBe('401 invalid_client')
    expect(read(undefined, { client_secret: 's' })).toBe('401 invalid_client')
  })

  test('CA1 form-encoded as the RFC has it, and raw as the official SDK sends it', () => {
    const [id, secret] = ['a:b', ': + % space ü']
    expect(read(basic(formEncode(id), formEncode(secret)))).toMatchObject({
      method: 'client_secret_basic',
      candidates: expect.arrayContaining([{ clientId: id, secret }]),
    })
    expect(read(basic('plain', 'a+b%20c'))).toEqual({
      method: 'client_secret_basic',
      candidates: [
        { clientId: 'plain', secret: 'a b c' },
        { clientId: 'plain', secret: 'a+b%20c' },
      ],
    })
    expect(read(basic('plain', 'abc'))).toMatchObject({ candidates: [{ clientId: 'plain', secret: 'abc' }] })
    expect(read(basic('a', 's').replace('Basic', 'basic '))).toMatchObject({ method: 'client_secret_basic' })
  })

  test('CA1 both encodings of any secret are among the candidates', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 })
    fc.assert(
      fc.property(text, text, (id, secret) => {
        const encoded = read(basic(formEncode(id), formEncode(secret)))
        expect(encoded).toMatchObject({ candidates: expect.arrayContaining([{ clientId: id, secret }]) })
        if (id.includes(':')) return
        expect(read(basic(id, secret))).toMatchObject({
          candidates: expect.arrayContaining([{ clientId: id, secret }]),
        })
      }),
    )
  })

  test.each([
    'Basic',
    'Basic ',
    'Basic !!!',
    'Basic YWJj',
    `Basic ${btoa(':secret')}`,
    `Basic ${btoa('\u00ff\u00fe:x')}`,
    `Basic ${btoa('a:b')}, Basic ${btoa('c:d')}`,
    'Bearer abc',
    'DPoP abc',
    'abc',
  ])('CA1 %s is 401', (header) => expect(read(header)).toBe('401 invalid_client'))

  test('CA1 IN1 the id of a resource server is a URL: form-encoded, or as it is', () => {
    const [id, secret] = ['http://127.0.0.1:4000/mcp', 'a secret of the resource server']
    expect(read(basic(id, secret))).toMatchObject({ candidates: [{ clientId: id, secret }] })
    expect(read(basic(formEncode(id), formEncode(secret)))).toMatchObject({
      candidates: expect.arrayContaining([{ clientId: id, secret }]) as unknown,
    })
    expect(read(`Basic ${btoa('https://as.test')}`)).toMatchObject({ candidates: [{ clientId: 'https' }] })
  })

  test('CA1 a bad percent sign leaves the raw form alone', () => {
    expect(read(basic('a%zz', 's'))).toEqual({
      method: 'client_secret_basic',
      candidates: [{ clientId: 'a%zz', secret: 's' }],
    })
  })

  test('CA2 two ways at once, or two clients', () => {
    expect(read(basic('a', 's'), { client_secret: 's' })).toBe('400 invalid_request')
    expect(read(basic('a', 's'), { client_id: 'a', client_secret: 's' })).toBe('400 invalid_request')
    expect(read(basic('a', 's'), { client_id: 'b' })).toBe('400 invalid_request')
    expect(read(basic('a', 's'), { client_id: 'a' })).toMatchObject({ method: 'client_secret_basic' })
    expect(read(undefined, { client_id: 'a', client_assertion: 'x' })).toBe('401 invalid_client')
  })
})
