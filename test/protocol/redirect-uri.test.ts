import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isLoopbackRedirect,
  knownClientRedirects,
  matchRedirectUri,
  redirectUriProblem,
} from '../../src/protocol/redirect-uri.ts'

const refused = (uris: unknown[], options = {}): void => {
  for (const uri of uris)
    expect(redirectUriProblem(uri, options), JSON.stringify(uri)).toMatch(/^(?:is|has) /)
}
const accepted = (uris: unknown[], options = {}): void => {
  for (const uri of uris) expect(redirectUriProblem(uri, options), JSON.stringify(uri)).toBeUndefined()
}

describe('what can be registered', () => {
  test('https, and http on this machine', () => {
    accepted([
      'https://app.test/cb',
      'https://app.test:8443/cb?tenant=a',
      'https://app.test:443/cb',
      'https://app.test',
      'https://claude.ai/api/mcp/auth_callback',
      'https://chatgpt.com/connector_platform_oauth_redirect',
      'https://vscode.dev/redirect',
      'http://127.0.0.1:33418/',
      'http://127.0.0.1/',
      'http://localhost:6274/oauth/callback',
    ])
  })

  test('R2 schemes that run or read something', () => {
    refused([
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'java\tscript:alert(1)',
      'java\nscript:alert(1)',
      ' javascript:alert(1)',
      '\u0001javascript:alert(1)',
      'javascript://app.test/%0aalert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://app.test/x',
      'about:blank',
      'mailto:a@b.test',
      'view-source:https://app.test',
      'ws://app.test/cb',
      // They open a browser there, or look as if.
      'microsoft-edge://app.test/cb',
      'googlechrome://app.test/cb',
      'googlechromes://app.test/cb',
      'x-safari-https://app.test/cb',
      'firefox://open-url?url=https://app.test',
      'touch-https://app.test/cb',
      'web+app://app.test/cb',
      'httpss://app.test/cb',
      'https+app://app.test/cb',
      // Handlers of systems.
      'x-man-page://ls',
      'x-web-search://?x',
      'itpc://app.test/cb',
      'smbs://app.test/cb',
      'wtai://wp/mc',
      'rtmp://app.test/cb',
    ])
  })

  test('R3 http only on a loopback host', () => {
    refused([
      'http://evil.test/cb',
      'http://localhost.evil.test/cb',
      'http://127.0.0.1.evil.test/',
      'http://0.0.0.0/',
      'http://192.168.1.5/cb',
      'http://127.0.0.2/cb',
      'http://127.1/cb',
      'http://2130706433/cb',
      'http://0x7f.1/cb',
      'http://[::ffff:127.0.0.1]/cb',
      'http://localhost./cb',
      'http://.localhost/cb',
      'http://a..localhost/cb',
      'http://xlocalhost/cb',
      'http://evil.test#@localhost/cb',
      'http://localhost@evil.test/cb',
    ])
    accepted([
      'http://127.0.0.1/cb',
      'http://[::1]:1/cb',
      'http://localhost:3000/cb',
      'http://x.localhost/cb',
      'http://x.y.localhost:1/cb',
    ])
  })

  test('R4 forms that two parsers read differently', () => {
    refused([
      'https://user@app.test/cb',
      'https://user:pass@app.test/cb',
      'https://@app.test/cb',
      'https://app.test%25@evil.test/cb',
      'https://app.test/cb#',
      'https://app.test/cb#x',
      'https://*.app.test/cb',
      'https://app.test/*',
      'https://app.test\\@evil.test/cb',
      'https:\\\\app.test\\cb',
      'https://app.test/a/../cb',
      'https://app.test/./cb',
      'https://app.test/a/%2e%2e/cb',
      'https://app.test/a/%2E./cb',
      'https://app.test/a/..;/cb',
      'https://app.test/a%2fb',
      'https://app.test/a%5cb',
      'https://app.test/a%00b',
      'https://app.test/a%0d%0ab',
      'https://app.test/a%252e',
      'https://app.test/c b',
      'https://app.test/c\tb',
      'https://app.test/cb\n',
      'https://app.test/\u0000',
      'https://app.test/ü',
      'https://аpp.test/cb',
      'https://APP.test/cb',
      'https://app.test./cb',
      'https://localhost./cb',
      'https://127.0.0.2/cb',
      'https://0.0.0.0/cb',
      'https://[::]/cb',
      'HTTPS://app.test/cb',
      'https:app.test/cb',
      'https:/app.test/cb',
      'https:///app.test/cb',
      'https://app.test:0443/cb',
      'https://app.test:/cb',
      'https://app.test:99999/cb',
      'https://',
      '//app.test/cb',
      '/cb',
      'cb',
      '',
      undefined,
      null,
      1,
      {},
      ['https://app.test/cb'],
      `https://app.test/${'a'.repeat(3072)}`,
    ])
  })

  test('R4 reserved parameters of a response', () => {
    for (const name of ['code', 'state', 'iss', 'error']) refused([`https://app.test/cb?a=b&${name}=x`])
    refused(['https://app.test/cb?co%64e=x'])
    accepted(['https://app.test/cb?coder=x&a=code'])
  })

  test('R5 private-use schemes: any, whole URIs of known clients alone, or none', () => {
    const own = [
      'com.example.app:/cb',
      'myapp://cb',
      'cursor://x/cb',
      'app:///cb?a=b',
      'operator://cb',
      'edgewise:/cb',
    ]
    accepted([...own, ...knownClientRedirects])
    refused(own, { privateUse: 'known' })
    accepted([...knownClientRedirects], { privateUse: 'known' })
    refused([...knownClientRedirects, ...own], { privateUse: false })
    accepted(['com.example.app:/cb'], { privateUse: false, allow: ['com.example.app:/cb'] })
    refused(['com.example.app:/cb2', 'com.example.app:/cb?x'], {
      privateUse: false,
      allow: ['com.example.app:/cb'],
    })
    expect(knownClientRedirects).toContain('cursor://anysphere.cursor-mcp/oauth/callback')
  })

  test('what is accepted is what every URL parser makes of it', () => {
    const uri = fc
      .tuple(
        fc.constantFrom('https://', 'http://', 'https:', 'HTTPS://', 'javascript:', ''),
        fc.string({ unit: fc.constantFrom(...'ab.:/@#?\\%2e*[] \t;'), maxLength: 24 }),
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(uri, (text) => {
        if (redirectUriProblem(text, { privateUse: false }) !== undefined) return
        const url = new URL(text)
        expect(`${url.username}${url.password}${url.hash}`).toBe('')
        expect(url.protocol).toBe('https:')
        expect([url.href, url.href.replace(`${url.host}/`, url.host)]).toContain(text.replace(':443', ''))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('AZ2 AZ3 what matches', () => {
  const registered = ['http://127.0.0.1:3000/cb', 'https://app.test/cb']

  test.each([
    'http://127.0.0.1:3000/cb',
    'http://127.0.0.1:51004/cb',
    'http://127.0.0.1/cb',
    'https://app.test/cb',
  ])('AZ3 %s', (uri) => expect(matchRedirectUri(registered, uri)).toBe(true))

  test.each([
    'https://app.test/cb/',
    'https://app.test/CB',
    'https://APP.test/cb',
    'https://app.test/cb?x=1',
    'https://app.test/cb?',
    'https://app.test/cb#x',
    'https://app.test/cb#',
    'https://app.test/other',
    'https://app.test/cb/../evil',
    'https://app.test/cb/%2e%2e/x',
    'https://app.test/cb/..;/x',
    'https://app.test@evil.test/cb',
    'https://app.test\\@evil.test/cb',
    'https://app.test%25@evil.test/cb',
    'http://app.test/cb',
    'https://app.test:444/cb',
    'https://app.test:443/cb',
    'https://x.app.test/cb',
    'https://app.test.evil.test/cb',
    ' https://app.test/cb',
    'https://app.test/cb ',
    '',
  ])('AZ2 not %j', (uri) => expect(matchRedirectUri(registered, uri)).toBe(false))

  test.each([
    'http://127.0.0.1:51004/other',
    'http://127.0.0.1:51004/cb?x=1',
    'http://127.0.0.1:51004/cb/',
    'http://127.0.0.1:51004/cb#x',
    'http://127.0.0.1:51004/CB',
    'http://localhost:51004/cb',
    'http://[::1]:51004/cb',
    'http://127.0.0.2:1/cb',
    'https://127.0.0.1:1/cb',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:080/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:1@evil.test/cb',
    'http://127.0.0.1:1.evil.test/cb',
    'http://127.0.0.1.evil.test/cb',
    'HTTP://127.0.0.1:1/cb',
    'http://127.0.0.1:51004\\cb',
    'http://127.0.0.1:51004/cb\n',
  ])('AZ3 not %j', (uri) => expect(matchRedirectUri(registered, uri)).toBe(false))

  test('RFC 8252 §7.3 each loopback host matches on any port, and itself alone', () => {
    const hosts = ['127.0.0.1', '[::1]', 'localhost', 'a.localhost', 'b.localhost']
    fc.assert(
      fc.property(
        fc.constantFrom(...hosts),
        fc.constantFrom(...hosts),
        fc.option(fc.integer({ min: 1, max: 65_535 })),
        fc.option(fc.integer({ min: 1, max: 65_535 })),
        fc.constantFrom('', '/', '/cb', '/cb?a=b'),
        (one, other, port, otherPort, rest) => {
          const uri = (host: string, at: number | null): string =>
            `http://${host}${at === null ? '' : `:${at}`}${rest}`
          expect(matchRedirectUri([uri(one, port)], uri(other, otherPort))).toBe(one === other)
        },
      ),
    )
  })

  test('VS Code registers a loopback address without a port and comes back on any', () => {
    expect(matchRedirectUri(['http://127.0.0.1/'], 'http://127.0.0.1:33418/')).toBe(true)
    expect(matchRedirectUri(['http://127.0.0.1/'], 'http://127.0.0.1:33418')).toBe(false)
  })

  test('a private-use URI matches as a whole', () => {
    const [cursor] = knownClientRedirects
    expect(matchRedirectUri([cursor!], cursor!)).toBe(true)
    expect(matchRedirectUri([cursor!], `${cursor}?x=1`)).toBe(false)
  })

  test('hostile URIs of a megabyte are compared in linear time', () => {
    for (const uri of [`http://localhost${'/'.repeat(1e6)}é`, `http://localhost:${'1'.repeat(1e6)}`])
      expect(matchRedirectUri(registered, uri)).toBe(false)
  })
})

test('CD12 which redirects stay on this machine', () => {
  for (const uri of [
    'http://127.0.0.1:1/cb',
    'http://[::1]/cb',
    'http://localhost',
    'https://localhost:1/cb',
    'http://a.localhost:1/cb',
  ])
    expect(isLoopbackRedirect(uri), uri).toBe(true)
  for (const uri of [
    'https://app.test/cb',
    'http://localhost.evil.test/cb',
    'http://localhost@evil.test/',
    'http://localhost:1@evil.test/',
    'http://a.localhost.evil.test/cb',
    'cursor://x',
  ])
    expect(isLoopbackRedirect(uri), uri).toBe(false)
})
