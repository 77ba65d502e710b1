import { describe, expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import { clientIdUrl } from '../../src/protocol/client-id.ts'
import { parseClientMetadata } from '../../src/protocol/client-metadata.ts'

const redirect_uris = ['https://app.test/cb']
const codeOf = (value: unknown, policy = {}): string => {
  try {
    parseClientMetadata(value, policy)
    return 'accepted'
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError)
    expect((error as OAuthError).status).toBe(400)
    return (error as OAuthError).code
  }
}

describe('RFC 7591 §2: client metadata', () => {
  test('R1 what is missing has its default', () => {
    expect(parseClientMetadata({ redirect_uris })).toEqual({
      redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    })
  })

  test('what is there is taken, what is unknown is dropped, null and empty count as absent', () => {
    const metadata = {
      redirect_uris,
      client_name: 'Notes',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      application_type: 'web',
      scope: 'notes:read',
      client_uri: 'https://app.test',
      contacts: ['a@app.test'],
    }
    const noise = {
      logo_uri: null,
      tos_uri: '',
      jwks_uri: null,
      software_statement: null,
      x: 1,
      client_id: 'mine',
    }
    expect(parseClientMetadata({ ...metadata, ...noise })).toEqual({
      ...metadata,
      grant_types: ['authorization_code'],
    })
  })

  test('__proto__ has no effect', () => {
    const value: unknown = JSON.parse(
      '{"redirect_uris":["https://app.test/cb"],"__proto__":{"client_name":"x"}}',
    )
    expect(parseClientMetadata(value)).not.toHaveProperty('client_name')
    expect({}).not.toHaveProperty('client_name')
  })

  test('R2 R3 R4 R5 redirect URIs', () => {
    const wrong = [
      undefined,
      null,
      [],
      'https://app.test/cb',
      {},
      [1],
      [null],
      ['javascript:alert(1)'],
      ['http://evil.test/cb'],
      ['https://app.test/cb', 'https://app.test/cb#x'],
      ['myapp:cb'],
      Array.from({ length: 100 }, (_, i) => `https://app.test/${i}`),
      [`https://app.test/${'a'.repeat(3072)}`],
    ]
    for (const uris of wrong)
      expect(codeOf({ redirect_uris: uris }), JSON.stringify(uris)).toBe('invalid_redirect_uri')
    expect(codeOf({ redirect_uris: ['myapp://cb'] }, { privateUse: false })).toBe('invalid_redirect_uri')
    expect(codeOf({ redirect_uris: ['myapp://cb'] }, { privateUse: false, allow: ['myapp://cb'] })).toBe(
      'accepted',
    )
    for (const application_type of ['web', 'native'])
      expect(parseClientMetadata({ redirect_uris: ['http://localhost/cb'], application_type })).toMatchObject(
        {
          application_type: 'native',
        },
      )
  })

  test('the message names the entry and the reason, not the URI', () => {
    expect(() =>
      parseClientMetadata({ redirect_uris: [redirect_uris[0], 'http://evil.test/secret'] }),
    ).toThrow(/^redirect_uris\[1\] is http on a host that is not this machine$/)
  })

  test.each([
    'client_uri',
    'logo_uri',
    'tos_uri',
    'policy_uri',
    'jwks_uri',
    'logo_uri#fr',
    'client_uri#ja-Hani-JP',
  ])('R6 RC14 %s', (name) => {
    const dropped: string[] = []
    for (const uri of [
      'javascript:alert(1)',
      ' java\tscript:alert(1)',
      'data:image/svg+xml,x',
      'http://169.254.169.254/',
      'http://2852039166/',
      'http://[::ffff:10.0.0.1]/',
      'file:///etc/passwd',
    ])
      expect(codeOf({ redirect_uris, [name]: uri }, { dropped }), uri).toBe('invalid_client_metadata')
    expect(dropped).toEqual([])
    const odd = [
      'HTTPS://app.test',
      'https:app.test',
      'https://user@app.test/',
      'https://app.test/\n',
      'https://',
      '/logo.png',
      `https://app.test/${'a'.repeat(2048)}`,
      1,
      {},
    ]
    // A key set must be what it says; what is localized is not shown.
    if (/^(client|tos|policy|logo)_uri$/.test(name)) {
      for (const uri of odd)
        expect(parseClientMetadata({ redirect_uris, [name]: uri }, { dropped })).not.toHaveProperty(name)
      expect(dropped).toHaveLength(odd.length)
      for (const uri of odd) expect(codeOf({ redirect_uris, [name]: uri })).toBe('invalid_client_metadata')
    }
    expect(codeOf({ redirect_uris, [name]: 'https://app.test/x' })).toBe('accepted')
  })

  test.each<[string, Record<string, unknown>, string]>([
    [
      'unknown authentication method',
      { token_endpoint_auth_method: 'private_key_jwt' },
      'invalid_client_metadata',
    ],
    ['no code grant', { grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
    ['implicit', { response_types: ['token'] }, 'invalid_client_metadata'],
    ['name that is no text', { client_name: { x: 1 } }, 'invalid_client_metadata'],
    ['AZ15 name of 10 kB', { client_name: 'x'.repeat(10_240) }, 'invalid_client_metadata'],
    ['scope with a quote', { scope: 'a"b' }, 'invalid_client_metadata'],
    ['unknown application type', { application_type: 'spa' }, 'invalid_client_metadata'],
    ['grant types that are no list', { grant_types: 'authorization_code' }, 'invalid_client_metadata'],
    ['software statement', { software_statement: 'x.y.z' }, 'invalid_software_statement'],
  ])('%s', (_, extra, code) => expect(codeOf({ redirect_uris, ...extra })).toBe(code))

  test.each([null, [], 'text', 1, true, undefined])('R8 %j is no document', (value) =>
    expect(codeOf(value)).toMatch(/^invalid_(?:client_metadata|redirect_uri)$/),
  )
})

describe('CD1 the URL of a client-id metadata document', () => {
  test.each([
    'https://c.test/client.json',
    'https://c.test/a/b/',
    'https://c.test:8443/c?v=1',
    'https://c.test/a..b/.c',
    'https://c.test/@me',
  ])('%s', (id) => expect(clientIdUrl(id)?.href).toBe(id))

  test.each([
    'http://c.test/client.json',
    'https://c.test',
    'https://c.test/',
    'https://c.test?x',
    'https://c.test/?x',
    'https://c.test/./c',
    'https://c.test/../c',
    'https://c.test/a/..',
    'https://c.test/%2e%2e/c',
    'https://c.test/%2E/c',
    'https://c.test/a/.%2e/c',
    'https://c.test/c#',
    'https://c.test/c#x',
    'https://user@c.test/c',
    'https://user:pass@c.test/c',
    'https://@c.test/c',
    'https://c.test\\c',
    'https://c.test/a\\c',
    'https://c.test/\tc',
    'https://c.test/c ',
    'https://c.test/c\n',
    'https:c.test/x',
    'https:/c.test/x',
    'https:///x',
    'https:////c.test/x',
    'https://c.test:0/c',
    'https://c.test:443/c',
    'https://c.test:99999/c',
    'https://C.test/c',
    'HTTPS://c.test/c',
    'https://c.test/ü',
    'https://2130706433/c',
    'https://c.test./c',
    'https://c.test/a/..;/c',
    'https://c.test/.;x/c',
    'https://c.test/a/..%2fc',
    'https://c.test/a/..%5Cc',
    'https://c.test/a/%2e%2e%2Fc',
    `https://c.test/${'a'.repeat(2048)}`,
    'pub',
    '',
  ])('not %j', (id) => expect(clientIdUrl(id)).toBeUndefined())
})
