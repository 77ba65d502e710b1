import { describe, expect, test } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { createResourceServer } from '../../src/index.ts'
import { document, documentId, Web } from '../support/client-documents.ts'
import { basic, ok, refusal, resources } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  pagesRig,
  registered,
  requestUrl,
  verifier,
  type Shown,
} from '../support/pages.ts'
import type { Rig } from '../support/as.ts'

type Registered = Record<string, unknown> & { client_id: string; redirect_uris: string[] }

const register = async (rig: Rig, metadata: object): Promise<Registered> => {
  const response = await rig.register({ client_name: 'An app', ...metadata })
  const body = (await response.json()) as Registered
  expect(response.status, JSON.stringify(body)).toBe(201)
  return body
}

const open = async (rig: Rig, client_id: string, redirect_uri: string): Promise<Shown> =>
  browserOf(rig, 'alice').get(await requestUrl({ client_id, redirect_uri }))

const privateUse = [
  'com.raycast:/oauth',
  'warp://mcp/oauth2callback',
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'vscode://publisher.extension/cb',
]

describe('RC2 R5 private-use schemes', () => {
  test.each(privateUse)('RC2 R5 %s of a public client, exactly, after a warning', async (uri) => {
    for (const application_type of ['native', 'web', undefined]) {
      const rig = pagesRig()
      const client = await register(rig, { redirect_uris: [uri], application_type })
      expect(client.redirect_uris).toEqual([uri])
      expect(client['application_type']).toBe(application_type === undefined ? undefined : 'native')

      const other = [`${uri}/x`, `${uri}?x=1`, uri.toUpperCase(), `${uri}/`, uri.replace(/:.*/, ':/other')]
      for (const each of other) expectLocal(await open(rig, client.client_id, each))

      const browser = browserOf(rig, 'alice')
      const page = await browser.get(await requestUrl({ client_id: client.client_id, redirect_uri: uri }))
      expect(page.text).toContain('Any program on this computer could be asking')
      expect(page.text).toContain(`the app that opens`)
      expect(page.text).toContain(uri.split('/')[0])
      const answer = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
      expect(answer.headers.get('location')).toMatch(
        new RegExp(`^${uri.replaceAll(/[/.]/g, '\\$&')}\\?code=`),
      )
      const form = { grant_type: 'authorization_code', client_id: client.client_id, redirect_uri: uri }
      await ok(await rig.post({ ...form, code: codeOf(answer), code_verifier: verifier }))
    }
  })

  test('RC2 AZ9 open redirect: before the user acts such an app gets nothing; a button leads back', async () => {
    const rig = pagesRig()
    const { client_id } = await register(rig, { redirect_uris: ['warp://mcp/oauth2callback'] })
    const url = await requestUrl({ client_id, redirect_uri: 'warp://mcp/oauth2callback', scope: 'unknown' })
    const page = await browserOf(rig).get(url)
    expectLocal(page)
    expect(page.text).toContain('href="warp://mcp/oauth2callback?error=invalid_scope')
  })

  test('RC2 R5 a confidential client has none: 400, or dropped beside one that it can use', async () => {
    const rig = pagesRig()
    const confidential = { token_endpoint_auth_method: 'client_secret_basic' }
    for (const uri of privateUse)
      expect(await refusal(await rig.register({ ...confidential, redirect_uris: [uri] })), uri).toBe(
        '400 invalid_redirect_uri',
      )
    const both = await register(rig, {
      ...confidential,
      redirect_uris: [privateUse[0], 'https://app.test/cb'],
    })
    expect(both.redirect_uris).toEqual(['https://app.test/cb'])
  })

  test('RC2 R5 privateUseRedirects: false, and "known"', async () => {
    const none = pagesRig({ privateUseRedirects: false })
    const known = pagesRig({ privateUseRedirects: 'known' })
    for (const uri of privateUse)
      expect(await refusal(await none.register({ redirect_uris: [uri] })), uri).toBe(
        '400 invalid_redirect_uri',
      )
    const [, , cursor, vscode] = privateUse
    expect((await register(known, { redirect_uris: [cursor] })).redirect_uris).toEqual([cursor])
    for (const uri of [vscode, `${cursor}/x`, 'cursor://other/cb'])
      expect(await refusal(await known.register({ redirect_uris: [uri] })), uri).toBe(
        '400 invalid_redirect_uri',
      )
    const allowing = pagesRig({ privateUseRedirects: false, allowRedirects: ['myapp:/cb'] })
    expect((await register(allowing, { redirect_uris: ['myapp:/cb'] })).redirect_uris).toEqual(['myapp:/cb'])
    for (const value of ['all', 1, null])
      expect(() => pagesRig({ privateUseRedirects: value } as never)).toThrow(/privateUseRedirects/)
  })

  test('RC2 a pre-registered client brings its own whole URI', async () => {
    const clients = [{ client_id: 'own', client_name: 'Own', redirect_uris: ['myapp:/cb'] }]
    const rig = pagesRig({ clients, privateUseRedirects: false })
    expect((await open(rig, 'own', 'myapp:/cb')).status).toBe(200)
    expectLocal(await open(rig, 'own', 'myapp:/other'))
  })

  test('RC2 what is not in order is refused with a private-use scheme too', async () => {
    const rig = pagesRig()
    const wrong = [
      'myapp:cb',
      'myapp:',
      'MyApp:/cb',
      'myapp:/cb#x',
      'myapp://user@host/cb',
      'myapp:/a/../cb',
      'myapp:/a/%2e%2e/cb',
      'myapp:/a%2fb',
      'myapp:/cb?code=x',
      'myapp:/c b',
      'myapp:\\\\host\\cb',
      'myapp://*/cb',
      'c:/windows',
      'urn:ietf:wg:oauth:2.0:oob',
    ]
    for (const uri of wrong)
      expect(await refusal(await rig.register({ redirect_uris: [uri] })), uri).toBe(
        '400 invalid_redirect_uri',
      )
  })

  test('R5 web with loopback or private-use redirects is registered as native, and said so', async () => {
    const rig = pagesRig()
    const type = async (redirect_uris: string[], application_type: string): Promise<unknown> =>
      (await register(rig, { redirect_uris, application_type }))['application_type']
    expect(await type(['http://localhost:1/cb'], 'web')).toBe('native')
    expect(await type(['https://app.test/cb', 'http://127.0.0.1/cb'], 'web')).toBe('native')
    expect(await type(['https://app.test/cb'], 'web')).toBe('web')
    expect(await type(['http://localhost:1/cb'], 'native')).toBe('native')
  })
})

const dangerous = [
  'javascript:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://app.test/x',
  'about:blank',
  'view-source:https://app.test',
  'ws://app.test/cb',
  'wss://app.test/cb',
  'ftp://app.test/cb',
  'mailto:a@b.test',
  'tel:123',
  'intent://x#Intent;end',
  'content://x/y',
  'ms-settings:/privacy',
  'MS-Word:ofe|u|https://x.test',
  'ms-appinstaller:/x',
  'search-ms:/x',
  'chrome://settings',
  'chrome-extension://x/y',
  'filesystem:https://app.test/x',
  'jar:https://app.test/x',
  'itms-services://x',
  'x-apple.systempreferences:/x',
  'ssh://host/x',
  'smb://host/x',
  // A web page or an extension can make itself the handler of these (HTML, registerProtocolHandler).
  'web+app://x/cb',
  'WEB+app:/cb',
  'ext+app://x/cb',
  'matrix://x/cb',
  'bitcoin://x/cb',
  'openpgp4fpr://x/cb',
  // The system runs or installs what lies there, or a browser shows pages of its own.
  'jnlp://host/cb',
  'microsoft-edge://x/cb',
  'macappstore://x/cb',
  'x-man-page://x/cb',
  'devtools://x/cb',
  'isolated-app://x/cb',
  // Registered schemes of the network.
  'dict://host/cb',
  'finger://host/cb',
  'ipp://host/cb',
  'tn3270://host/cb',
]

describe('RC2 R11 one redirect URI of several', () => {
  test.each(dangerous)('RC2 R11 %j refuses the whole client, in documents too', async (uri) => {
    const redirect_uris = ['https://c.test/cb', uri]
    const web = new Web()
    web.serve(documentId, document({ redirect_uris }))
    const rig = pagesRig({ fetch: web.fetch })
    expect(await refusal(await rig.register({ redirect_uris }))).toBe('400 invalid_redirect_uri')
    expectLocal(await open(rig, documentId, 'https://c.test/cb'))
    expect(() =>
      pagesRig({ clients: [{ client_id: 'x', redirect_uris: ['https://c.test/cb', uri] }] }),
    ).toThrow(/redirect_uris\[1\]/)
  })

  const unusable: [string, Partial<AuthorizationServerOptions>][] = [
    ['myapp:/cb', { privateUseRedirects: 'known' }],
    ['http://evil.test/cb', {}],
    ['https://app.test/cb#x', {}],
    ['', {}],
  ]
  test.each(unusable)('RC2 R11 %j is left out, and an event names it', async (uri, options) => {
    const usable = ['https://c.test/cb', 'http://127.0.0.1:3000/cb']
    const redirect_uris = [usable[0], uri, usable[1]]
    const web = new Web()
    web.serve(documentId, document({ redirect_uris }))
    for (const registration of ['stateless', 'stored'] as const) {
      const rig = pagesRig({ fetch: web.fetch, registration, ...options })
      const client = await register(rig, { redirect_uris })
      expect(client.redirect_uris).toEqual(usable)
      for (const id of [client.client_id, documentId]) {
        expect((await open(rig, id, usable[0]!)).status).toBe(200)
        if (uri !== '') expectLocal(await open(rig, id, uri))
        expect(rig.events).toContainEqual(
          expect.objectContaining({
            type: 'client.metadata-dropped',
            clientId: id,
            detail: expect.stringContaining('redirect_uris[1] '),
          }),
        )
      }
    }
  })

  test('RC2 R11 none usable: 400, and the entry is named', async () => {
    const rig = pagesRig()
    const response = await rig.register({ redirect_uris: ['http://evil.test/cb', 'https://app.test/cb#x'] })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: 'invalid_redirect_uri',
      error_description: expect.stringMatching(/^redirect_uris\[0\] is http/),
    })
  })
})

test.each(['http://c.test/logo.png', 'http://localhost:3000/logo.png'])(
  'RC14 a registration with the picture %s: it is dropped; with one inside a network it is refused',
  async (logo_uri) => {
    const rig = pagesRig()
    expect(await register(rig, { redirect_uris: ['https://c.test/cb'], logo_uri })).not.toHaveProperty(
      'logo_uri',
    )
    for (const inside of ['http://169.254.169.254/l.png', 'http://[fd00::1]/l.png', 'data:image/png,x']) {
      const metadata = { redirect_uris: ['https://c.test/cb'], logo_uri: inside }
      expect(await refusal(await rig.register(metadata)), inside).toBe('400 invalid_client_metadata')
    }
  },
)

describe('RC14 members that only display', () => {
  const odd: [string, unknown][] = [
    ['client_uri', 'example.com'],
    ['client_uri', '/about'],
    ['client_uri', 'http://localhost:3000'],
    ['tos_uri', `https://c.test/${'x'.repeat(3000)}`],
    ['policy_uri', 7],
    ['logo_uri', 'logo.png'],
    ['contacts', Array.from({ length: 6 }, (_, i) => `${i}@c.test`)],
    ['contacts', 'a@c.test'],
    ['client_name', 'x'.repeat(201)],
    ['client_name', { en: 'x' }],
  ]
  test.each(odd)('RC14 %s: %j is dropped, and the response says so', async (name, value) => {
    const metadata = { redirect_uris: ['https://c.test/cb'], [name]: value }
    const web = new Web()
    web.serve(documentId, document({ [name]: value }))
    const rig = pagesRig({ fetch: web.fetch, registration: 'stored' })
    const client = await registered(rig, { client_name: undefined, ...metadata })
    const response = await rig.register(metadata)
    const body = (await response.json()) as Record<string, unknown>
    expect([response.status, Object.hasOwn(body, name)]).toEqual([201, false])
    expect((await open(rig, client, 'https://c.test/cb')).status).toBe(200)
    if (name !== 'client_name') expect((await open(rig, documentId, 'https://c.test/cb')).status).toBe(200)
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'client.metadata-dropped', detail: expect.stringContaining(name) }),
    )
  })
})

test('RC9 scope is read leniently everywhere: runs of spaces, around it too', async () => {
  const rig = pagesRig({ registration: 'stored' })
  const redirect = 'https://c.test/cb'
  const scope = '  notes:read   notes:write '
  const client = await register(rig, { redirect_uris: [redirect], scope })
  expect(client['scope']).toBe('notes:read notes:write')
  const browser = browserOf(rig, 'alice')
  const url = await requestUrl({ client_id: client.client_id, redirect_uri: redirect, scope })
  const scopes = ['notes:read', 'notes:write']
  const code = codeOf(await browser.submit(await browser.get(url), { decision: 'approve', scopes }))
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, scope }
  const first = await ok(await rig.post({ ...form, client_id: client.client_id }))
  expect(first.scope).toBe('notes:read notes:write')
  const second = await ok(await rig.refresh(first.refresh_token, { client_id: client.client_id, scope }))
  expect(second.scope).toBe('notes:read notes:write')
  const narrow = { client_id: client.client_id, scope: ' notes:read ' }
  expect((await ok(await rig.refresh(second.refresh_token, narrow))).scope).toBe('notes:read')
})

test('RC12 names below localhost are this machine: issuer, resource and redirect', async () => {
  const resource = 'http://notes.localhost:8787/mcp'
  const redirect = 'http://app.localhost:3000/cb'
  const rig = pagesRig({
    issuer: 'http://notes.localhost:8787',
    resources: { ...resources, [resource]: { scopes: { 'notes:read': 'Read' } } },
  })
  createResourceServer({ resource, authorizationServers: [rig.as] })
  const { client_id } = await register(rig, { redirect_uris: [redirect] })
  const parameters = { client_id, resource, scope: 'notes:read' }
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(
    await requestUrl({ ...parameters, redirect_uri: 'http://app.localhost:51004/cb' }),
  )
  expect(page.text).toContain('Any program on this computer could be asking')
  for (const other of [
    'http://localhost:3000/cb',
    'http://b.localhost:3000/cb',
    'http://x.app.localhost:3000/cb',
  ])
    expectLocal(await open(rig, client_id, other))
  for (const wrong of [
    'http://.localhost/cb',
    'http://a..localhost/cb',
    'http://localhost./cb',
    'http://xlocalhost/cb',
  ])
    expect(await refusal(await rig.register({ redirect_uris: [wrong] })), wrong).toBe(
      '400 invalid_redirect_uri',
    )
})

describe('RC11 null and empty members are absent', () => {
  test('RC11 registration', async () => {
    const rig = pagesRig()
    const empty = {
      token_endpoint_auth_method: '',
      application_type: '',
      grant_types: [],
      response_types: null,
      scope: '',
      client_uri: '',
      contacts: null,
      client_secret: '',
      software_statement: '',
    }
    const client = await register(rig, { redirect_uris: ['https://c.test/cb'], ...empty })
    expect(client['token_endpoint_auth_method']).toBe('none')
    expect(client['grant_types']).toEqual(['authorization_code', 'refresh_token'])
    expect(client).not.toHaveProperty('application_type')
    expect(client).not.toHaveProperty('client_secret')
  })

  test('RC11 a document with an empty secret has none', async () => {
    const web = new Web()
    web.serve(documentId, document({ client_secret: '', client_secret_expires_at: null }))
    expect((await open(pagesRig({ fetch: web.fetch }), documentId, 'https://c.test/cb')).status).toBe(200)
  })

  test('RC11 an empty secret counts as none at the token endpoint', async () => {
    const rig = pagesRig()
    const redeem = async (clientId: string, headers = {}, more = {}): Promise<Response> => {
      const { code, verifier: code_verifier } = await rig.approve(clientId)
      return rig.post({ grant_type: 'authorization_code', code, code_verifier, ...more }, { headers })
    }
    await ok(await redeem('pub', basic('pub', '')))
    await ok(await redeem('pub', {}, { client_id: 'pub', client_secret: '' }))
    expect(await refusal(await redeem('either', basic('either', '')))).toBe('401 invalid_client')
    expect(await refusal(await redeem('either', {}, { client_id: 'either', client_secret: '' }))).toBe(
      '401 invalid_client',
    )
  })
})
