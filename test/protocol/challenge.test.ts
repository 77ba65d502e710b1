import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bearerChallenge, formatChallenge, parseChallenges } from '../../src/protocol/challenge.ts'

/** What the official SDK's client makes of a header. */
const sdkReads = (header: string): ReturnType<typeof extractWWWAuthenticateParams> =>
  extractWWWAuthenticateParams(new Response(null, { status: 401, headers: { 'www-authenticate': header } }))

describe('RFC 9110 §11.6.1 parser', () => {
  test.each<[string, string, unknown]>([
    ['one scheme alone', 'Bearer', [{ scheme: 'Bearer', parameters: {} }]],
    [
      'quoted values with commas and equals signs',
      'Bearer realm="a, b=c", scope="x y"',
      [{ scheme: 'Bearer', parameters: { realm: 'a, b=c', scope: 'x y' } }],
    ],
    [
      'quoted pairs',
      String.raw`Bearer error_description="say \"no\" to C:\\x"`,
      [{ scheme: 'Bearer', parameters: { error_description: String.raw`say "no" to C:\x` } }],
    ],
    [
      'tokens as values, in any spacing',
      'Bearer error = invalid_token ,scope=a\t,  realm="r"',
      [{ scheme: 'Bearer', parameters: { error: 'invalid_token', scope: 'a', realm: 'r' } }],
    ],
    [
      'a URL that is not quoted',
      'Bearer resource_metadata=https://mcp.test/.well-known/x?a=b, error=e',
      [
        {
          scheme: 'Bearer',
          parameters: { resource_metadata: 'https://mcp.test/.well-known/x?a=b', error: 'e' },
        },
      ],
    ],
    [
      'several challenges',
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple", DPoP algs="ES256"',
      [
        { scheme: 'Newauth', parameters: { realm: 'apps', type: '1', title: 'Login to "apps"' } },
        { scheme: 'Basic', parameters: { realm: 'simple' } },
        { scheme: 'DPoP', parameters: { algs: 'ES256' } },
      ],
    ],
    [
      'token68, with and without padding, before another challenge',
      'Negotiate YIIB+/==, NTLM abc, Basic, Bearer error="x"',
      [
        { scheme: 'Negotiate', parameters: {}, token68: 'YIIB+/==' },
        { scheme: 'NTLM', parameters: {}, token68: 'abc' },
        { scheme: 'Basic', parameters: {} },
        { scheme: 'Bearer', parameters: { error: 'x' } },
      ],
    ],
    [
      'parameters without commas between them',
      'Bearer error="a" scope="b"',
      [{ scheme: 'Bearer', parameters: { error: 'a', scope: 'b' } }],
    ],
    [
      'the first of equal names, whose case does not count',
      'Bearer Scope="a", SCOPE="b"',
      [{ scheme: 'Bearer', parameters: { scope: 'a' } }],
    ],
    ['empty list elements', ', ,Bearer ,, error="a",, ,', [{ scheme: 'Bearer', parameters: { error: 'a' } }]],
    ['an empty quoted string', 'Bearer realm=""', [{ scheme: 'Bearer', parameters: { realm: '' } }]],
    ['a string without an end', 'Bearer realm="abc', [{ scheme: 'Bearer', parameters: { realm: 'abc' } }]],
    ['a backslash at the end', 'Bearer realm="abc\\', [{ scheme: 'Bearer', parameters: { realm: 'abc\\' } }]],
    ['parameters of no scheme', 'realm="Bearer error=1"', []],
    [
      'a stray string, in which nothing counts',
      'Basic "x, Bearer scope=admin", Bearer error="e"',
      [
        { scheme: 'Basic', parameters: {} },
        { scheme: 'Bearer', parameters: { error: 'e' } },
      ],
    ],
    ['nothing', '', []],
    ['characters that nothing has', '()<>@;:\\?{}', []],
  ])('%s', (_, header, expected) => expect(parseChallenges(header)).toEqual(expected))

  test('__proto__ is a name like any other', () => {
    const [challenge] = parseChallenges('Bearer __proto__="x", constructor="y"')
    expect(Object.entries(challenge.parameters)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test('what was formatted is what is parsed', () => {
    const token = fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,12}$/)
    const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)) })
    const challenge = fc.oneof(
      fc.record({ scheme: token, parameters: fc.dictionary(token, value, { noNullPrototype: true }) }),
      fc.record({
        scheme: token,
        parameters: fc.constant({}),
        token68: fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,20}={0,2}$/),
      }),
    )
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 4 }), (challenges) => {
        const header = challenges.map(formatChallenge).join(', ')
        expect(parseChallenges(header)).toEqual(challenges)
      }),
    )
  })

  test('whatever comes is parsed, and what came out survives another round', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'B', '=', '"', '\\', ',', ' ', '\t', '/', 'é', '(', '_', '1'),
      maxLength: 60,
    })
    fc.assert(
      fc.property(text, (header) => {
        for (const { scheme, parameters } of parseChallenges(header)) {
          expect(scheme).toMatch(/^[aB_1]+$/)
          for (const name of Object.keys(parameters)) expect(name).toMatch(/^[ab_1]+$/)
        }
      }),
    )
  })

  test('rule 28 long hostile headers are parsed in linear time', () => {
    const pieces = ['a ', 'a=', 'a="', '\\"', '"', ',', '= ', 'a,', ' ', 'a = ', 'a =, ', '==', '"a" ', 'a /']
    for (const piece of pieces) {
      const text = piece.repeat(Math.ceil(150_000 / piece.length))
      expect(Array.isArray(parseChallenges(`Bearer ${text}`)), piece).toBe(true)
    }
  })
})

describe('RFC 9110 §11.6.1 serializer', () => {
  test('values are quoted, and nothing gets out of the quotes or the line', () => {
    const header = formatChallenge({
      scheme: 'Bearer',
      parameters: { a: 'x"y\\z', b: 'line\r\nSet-Cookie: a=b', c: 'grüße\u0000\u2028' },
    })
    expect(header).toBe(String.raw`Bearer a="x\"y\\z", b="lineSet-Cookie: a=b", c="gre"`)
    expect(() => new Headers({ 'www-authenticate': header })).not.toThrow()
  })

  test('token68, and a scheme alone', () => {
    expect(formatChallenge({ scheme: 'Negotiate', parameters: {}, token68: 'YQ==' })).toBe('Negotiate YQ==')
    expect(formatChallenge({ scheme: 'Bearer', parameters: {} })).toBe('Bearer')
  })
})

describe('RFC 6750 §3 and RFC 9728 §5.1: the Bearer challenge', () => {
  const resourceMetadata = 'https://mcp.test/.well-known/oauth-protected-resource/mcp'

  test('G1 where no token came: where to look and what to ask for, no error', () => {
    expect(bearerChallenge({ resourceMetadata, scope: ['notes:read', 'notes:write'] })).toBe(
      `Bearer scope="notes:read notes:write", resource_metadata="${resourceMetadata}"`,
    )
    expect(bearerChallenge({ resourceMetadata })).toBe(`Bearer resource_metadata="${resourceMetadata}"`)
  })

  test('G28 everything that is needed, in one challenge', () => {
    const header = bearerChallenge({
      error: 'insufficient_scope',
      scope: ['a', 'b'],
      resourceMetadata,
      description: 'Needs more',
      extra: { max_age: '60' },
    })
    expect(parseChallenges(header)).toEqual([
      {
        scheme: 'Bearer',
        parameters: {
          error: 'insufficient_scope',
          scope: 'a b',
          resource_metadata: resourceMetadata,
          max_age: '60',
          error_description: 'Needs more',
        },
      },
    ])
  })

  test('no description can pass for a parameter at the official clients', () => {
    const hostile = fc.oneof(
      fc.constantFrom(
        'need scope=admin',
        'error="x", scope="y"',
        'resource_metadata=https://evil.test',
        '\\"',
      ),
      fc.string(),
    )
    fc.assert(
      fc.property(hostile, fc.boolean(), (description, withScope) => {
        const scope = withScope ? ['notes:read'] : []
        const header = bearerChallenge({ error: 'invalid_token', scope, resourceMetadata, description })
        const { resourceMetadataUrl, scope: read, error } = sdkReads(header)
        expect(error).toBe('invalid_token')
        expect(read).toBe(withScope ? 'notes:read' : undefined)
        expect(resourceMetadataUrl?.href).toBe(resourceMetadata)
        expect(parseChallenges(header)).toHaveLength(1)
        expect(() => new Headers({ 'www-authenticate': header })).not.toThrow()
      }),
    )
  })
})
