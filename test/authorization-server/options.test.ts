import { expect, test } from 'vitest'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { linkedAccounts } from '../../src/authorization-server/link/linked-accounts.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { github } from '../../src/provider/github.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { signedOut, RES_A, resources, secret } from '../support/as.ts'

const good = {
  issuer: 'https://as.test',
  secret,
  store: memoryStore(),
  signIn: signedOut,
  resources: { [RES_A]: resources[RES_A]! },
}
const create = (options: object): unknown => createAuthorizationServer({ ...good, ...options } as never)
const client = { client_id: 'c', redirect_uris: ['https://c.test/cb'] }
const ec = { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }

test.each<[string, object]>([
  ['createAuthorizationServer.isuer', { isuer: 'https://as.test' }],
  ['issuer', { issuer: undefined }],
  ['issuer', { issuer: 'as.test' }],
  ['issuer', { issuer: 'http://as.test' }],
  ['issuer', { issuer: 'https://as.test/?x' }],
  ['issuer', { issuer: 'https://as.test/#x' }],
  ['issuer', { issuer: 'https://u:p@as.test' }],
  ['issuer', { issuer: 'https://AS.test' }],
  ['secret', { secret: undefined }],
  ['secret', { secret: 'short' }],
  ['secret', { secret: [] }],
  ['secret', { secret: [secret, 'short'] }],
  ['store', { store: undefined }],
  ['signIn', { signIn: undefined }],
  ['signIn', { signIn: { consent: 'after' } }],
  ['signIn.consent', { signIn: { ...signedOut, consent: 'never' } }],
  ['resources', { resources: {} }],
  ['resources', { resources: [RES_A] }],
  ['resources["mcp"]', { resources: { mcp: { scopes: {} } } }],
  ['resources["http://mcp.test/mcp"]', { resources: { 'http://mcp.test/mcp': { scopes: {} } } }],
  ['resources["https://mcp.test/mcp#x"]', { resources: { 'https://mcp.test/mcp#x': { scopes: {} } } }],
  [
    'resources["HTTPS://mcp.test/mcp"]',
    { resources: { [RES_A]: { scopes: {} }, 'HTTPS://mcp.test/mcp': { scopes: {} } } },
  ],
  [`resources["${RES_A}"].scopes`, { resources: { [RES_A]: {} } }],
  [`resources["${RES_A}"].scopes`, { resources: { [RES_A]: { scopes: { 'a b': 'x' } } } }],
  [`resources["${RES_A}"].scopes["a"]`, { resources: { [RES_A]: { scopes: { a: '' } } } }],
  [`resources["${RES_A}"].lifetime`, { resources: { [RES_A]: { scopes: {}, lifetime: 59 } } }],
  [`resources["${RES_A}"].lifetime`, { resources: { [RES_A]: { scopes: {}, lifetime: 3601 } } }],
  [`resources["${RES_A}"].accessTokens`, { resources: { [RES_A]: { scopes: {}, accessTokens: 'paseto' } } }],
  ['defaultResource', { defaultResource: 'https://mcp.test/other' }],
  ['registration', { registration: 'open' }],
  ['initialAccessTokens[0]', { initialAccessTokens: ['short'] }],
  ['allowRedirects[0]', { allowRedirects: ['javascript:alert(1)'] }],
  ['clientDocuments', { clientDocuments: 'yes' }],
  ['paths.tokens', { paths: { tokens: '/t' } }],
  ['paths.token', { paths: { token: 't' } }],
  ['paths.token', { paths: { token: '/a/../t' } }],
  ['paths', { paths: { token: '/authorize' } }],
  ['paths', { paths: { token: '/authorize/callback' } }],
  ['checkRevocation', { checkRevocation: -1 }],
  ['checkRevocation', { checkRevocation: true }],
  ['keys.algorithm', { keys: { algorithm: 'HS256' } }],
  ['keys.rotateAfter', { keys: { rotateAfter: 60 } }],
  ['keys.publishAhead', { keys: { rotateAfter: 7200, publishAhead: 7200 } }],
  ['keys.jwks', { keys: { jwks: [] } }],
  ['keys.jwks[0]', { keys: { jwks: [ec] } }],
  ['keys.jwks[0]', { keys: { jwks: [{ kty: 'oct', k: 'a', d: 'x' }] } }],
  ['keys.jwks[0]', { keys: { jwks: [{ kty: 'RSA', n: 'short', e: 'AQAB', d: 'x' }] } }],
  ['rateLimit', { rateLimit: {} }],
  ['branding.accent', { branding: { accent: 'red;}' } }],
  ['branding.logo', { branding: { logo: 'javascript:alert(1)' } }],
  ['lifetimes.refreshGrace', { lifetimes: { refreshGrace: 121 } }],
  ['lifetimes.code', { lifetimes: { code: 60.5 } }],
  ['lifetimes.kode', { lifetimes: { kode: 60 } }],
  ['behindProxy.header', { behindProxy: { header: 'x' } }],
  ['rootEndpoints', { rootEndpoints: 'no' }],
  ['clock', { clock: 7 }],
  ['clients[0].client_id', { clients: [{ redirect_uris: ['https://c.test/cb'] }] }],
  ['clients[1].client_id', { clients: [client, client] }],
  ['clients[0]', { clients: [{ ...client, redirect_uris: ['http://evil.test/cb'] }] }],
  ['clients[0].client_secret', { clients: [{ ...client, client_secret: 'short' }] }],
  [
    'clients[0].grant_types[1]',
    { clients: [{ ...client, grant_types: ['authorization_code', 'client_credentials'] }] },
  ],
  ['clients[0].grant_types[0]', { clients: [{ ...client, grant_types: ['client_credentials'] }] }],
  ['clients[0].response_types[1]', { clients: [{ ...client, response_types: ['code', 'token'] }] }],
  [
    'clients[0].token_endpoint_auth_method',
    { clients: [{ ...client, token_endpoint_auth_method: 'client_secret_post' }] },
  ],
])('%s: %j is refused at construction', (option, options) => {
  try {
    create(options)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    expect((error as ConfigurationError).option).toBe(option)
    if (!/^(?:store|resources|defaultResource|keys|clients)\b/.test(option))
      expect((error as Error).message).toMatch(
        /^`[^`]+` (?:must be .+; (?:got .+|it is required)|is not an option; .+)/,
      )
    return
  }
  throw new Error('nothing was thrown')
})

test.each([
  { secret: 'a weak secret' },
  { secret: [secret, 'a weak secret'] },
  { initialAccessTokens: ['a weak secret'] },
])('a secret is not repeated: %j', (options) => {
  expect(() => create(options)).toThrow(/must be a random .* at least 32 .*; got 13 bytes/)
  expect(() => create(options)).not.toThrow(/a weak secret/)
})

test('own login: its options are checked', () => {
  const identify = (): undefined => undefined
  for (const loginUrl of ['/login', '/login?x=1', 'https://login.test/in', 'http://127.0.0.1:1/login'])
    expect(() => ownLogin({ identify, loginUrl })).not.toThrow()
  for (const loginUrl of [
    'login',
    '//evil.test/',
    '/\\evil.test',
    'javascript:alert(1)',
    'ftp://login.test',
    '',
    undefined,
  ])
    expect(() => ownLogin({ identify, loginUrl } as never)).toThrow(
      '`loginUrl` must be a path such as "/login"',
    )
  expect(() => ownLogin({ loginUrl: '/login' } as never)).toThrow(
    '`identify` must be a function; it is required',
  )
  expect(() => ownLogin({ identify, loginUri: '/login' } as never)).toThrow(
    '`ownLogin.loginUri` is not an option; did you mean "loginUrl"?',
  )
})

test('the development sign-in is refused unless the issuer is a loopback address', () => {
  const signIn = dangerouslyDevSignIn()
  expect(() => create({ signIn })).toThrow(
    '`signIn` must be a sign-in with proof unless the issuer is a loopback',
  )
  expect(() => create({ signIn, issuer: 'http://127.0.0.1:4000' })).not.toThrow()
})

test('a misspelled option is told the right name', () => {
  expect(() => create({ resourcess: {} })).toThrow(/did you mean "resources"/)
})

test.each([
  ['scopes', "use resources: { 'https://…/mcp': { scopes } }"],
  ['audience', 'did you mean "resources"?'],
  ['upstream', 'use signIn: upstream(…)'],
  ['linkedAccounts', 'did you mean "links"?'],
  ['choices', 'did you mean "consent.choices"?'],
  ['tokenExchangeCallback', 'did you mean "onTokens"?'],
  ['clockTolerance', 'it is fixed'],
  ['redirectUri', 'it is <issuer>/authorize/callback/<provider>'],
  ['tokenLifetime', 'the nearest options are lifetimes, rateLimit, secret'],
])('PR5 U13 the wrong name `%s` is told the right one', (name, advice) => {
  const { message } = refused(() => create({ [name]: 'x' }))
  expect(message).toBe(`\`createAuthorizationServer.${name}\` is not an option; ${advice}`)
})

test.each([
  [[], 'got an empty list'],
  [undefined, 'it is required'],
  ['https://as.test', 'got "https://as.test"'],
])('U13 %o in place of the options: what is required is shown', (given, got) => {
  expect(refused(() => createAuthorizationServer(given as never)).message).toBe(
    '`createAuthorizationServer` must be an object such as { issuer, secret, store, … }; ' + got,
  )
})

test.each([
  [['https://mcp.test/mcp'], '`resources` must be an object such as {'],
  [
    { 'https://mcp.test/mcp': ['notes:read'] },
    '`resources["https://mcp.test/mcp"]` must be an object such as {',
  ],
  [
    { 'https://mcp.test/mcp': { scopes: ['notes:read'] } },
    "`resources[\"https://mcp.test/mcp\"].scopes` must be an object such as { 'notes:read': 'Read your notes' }; got a list",
  ],
])('PR5 U13 resources of another shape are told theirs: %j', (resources, message) => {
  expect(refused(() => create({ resources })).message).toContain(message)
})

test('PR5 a preset in place of a sign-in is told how to become one', () => {
  const preset = github({ clientId: 'c', clientSecret: 'hush' })
  const wrap = 'Wrap a preset: upstream(github({ … }), { admit })'
  expect(refused(() => create({ signIn: preset })).message).toBe(
    `\`signIn\` must be a way to sign in, for example ownLogin({ identify, loginUrl }); got object. ${wrap}`,
  )
  expect(refused(() => oneOf(preset as never, preset as never)).message).toBe(
    `\`oneOf[0]\` must be a sign-in such as passwordSignIn({ users }); got object. ${wrap}`,
  )
  for (const given of [preset, { signIn: preset }])
    expect(refused(() => linkedAccounts({ github: given } as never)).message).toBe(
      '`linkedAccounts.github` must be a sign-in such as upstream(github({ … }), { admit }); got object',
    )
})

function refused(work: () => unknown): ConfigurationError {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return error as ConfigurationError
  }
  throw new Error('nothing was thrown')
}

test.each<[object, string]>([
  [{ resources: [RES_A] }, "`resources` must be an object such as { 'https://…/mcp': { scopes:"],
  [{ signIn: () => ({ subject: 'a' }) }, '`signIn` must be a way to sign in, for example ownLogin({'],
  [{ signIn: undefined }, '`signIn` must be a way to sign in, for example ownLogin({'],
  [{ resources: { [RES_A]: { scopes: ['a'] } } }, '.scopes` must be an object such as {'],
  [{ resources: { [RES_A]: {} } }, '.scopes` must be an object such as {'],
  [{ issuer: 'http://as.test' }, 'got "http://as.test"'],
])('a wrong shape is shown the right one: %j', (options, fix) => {
  expect(() => create(options)).toThrow(fix)
})

test('only a loopback issuer may do without a secret', () => {
  const options = { ...good, issuer: 'http://localhost:4000', secret: undefined }
  expect(() => create(options)).not.toThrow()
})

test('constructing touches neither store nor network', () => {
  const store = {
    get: () => Promise.reject(new Error('touched')),
    put: () => Promise.reject(new Error('touched')),
  }
  expect(() => create({ store: { ...store, delete: store.get } })).not.toThrow()
})
