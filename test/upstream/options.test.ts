// What `upstream()` demands at construction, and says of what is missing.
import { generateKeyPair } from 'jose/key/generate/keypair'
import { expect, test } from 'vitest'
import { isConfigurationError } from '../../src/errors.ts'
import { entra, type EntraOptions } from '../../src/provider/entra.ts'
import { github } from '../../src/provider/github.ts'
import { google } from '../../src/provider/google.ts'
import { upstream, type UpstreamOptions } from '../../src/upstream/index.ts'
import type { Provider } from '../../src/types.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'

const admit = (): boolean => true
const provider = (more: Partial<Provider> = {}): Provider => new UpstreamImitation().provider(more)

/** The message; it never shows the secret. */
function refusal(preset: unknown, options: unknown = { admit }): string {
  try {
    upstream(preset as Provider, options as UpstreamOptions)
  } catch (error) {
    expect(isConfigurationError(error)).toBe(true)
    expect((error as Error).message).not.toContain('hush')
    return (error as Error).message
  }
  throw new Error('It was accepted')
}

const pair = generateKeyPair('ES256')

test.each<[string, unknown, RegExp]>([
  ['no admit', {}, /`admit` must be a function that decides who may enter/],
  ['admit is true', { admit: true }, /`admit` must be a function/],
  ['an unknown option', { admit, allow: [] }, /`upstream\.allow` is not an option/],
  ['scopes as text', { admit, scopes: 'a b' }, /`scopes` must be a list/],
  ['keepTokens', { admit, keepTokens: 'no' }, /`keepTokens` must be true or false/],
  ['an empty name', { admit, name: '' }, /`name` must be a non-empty string/],
  [
    'a parameter that is not text',
    { admit, authorizationParameters: { hd: 1 } },
    /`authorizationParameters\.hd`/,
  ],
  ['privateKey', { admit, privateKey: 'hush' }, /`privateKey` must be a private CryptoKey/],
  ['clientAssertion', { admit, clientAssertion: 'hush' }, /`clientAssertion` must be a function/],
])('%s', (_, options, message) => {
  expect(refusal(provider(), options)).toMatch(message)
})

test.each([
  ['clientId', 'pass it to the preset: github({ clientId, clientSecret })'],
  ['clientSecret', 'pass it to the preset: github({ clientId, clientSecret })'],
  ['redirectUri', 'it is fixed: <your issuer>/authorize/callback/<provider>'],
  ['audience', 'use authorizationParameters: { audience }'],
  ['prompt', 'use authorizationParameters: { prompt }'],
])('PR5 U13 the wrong name `%s` is told what to do', (name, advice) => {
  expect(refusal(provider(), { admit, [name]: 'hush' })).toBe(
    `\`upstream.${name}\` is not an option; ${advice}`,
  )
})

test('PR5 Entra: `tenant` is `tenantId`, not `tenants`', () => {
  const given = { tenant: 'organizations', clientId: 'c' } as unknown as EntraOptions
  expect(() => entra(given)).toThrow('`entra.tenant` is not an option; did you mean "tenantId"?')
})

test.each([
  'client_id',
  'response_type',
  'response_mode',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
])('the parameter %s is the sign-in’s own', (name) => {
  expect(refusal(provider(), { admit, authorizationParameters: { [name]: 'x' } })).toContain(
    `\`authorizationParameters.${name}\` is set by the sign-in itself`,
  )
})

test('a public key, and two ways to authenticate', async () => {
  const { privateKey, publicKey } = await pair
  expect(refusal(provider(), { admit, privateKey: publicKey })).toMatch(/a private CryptoKey/)
  const both = { admit, privateKey, clientAssertion: () => 'a' }
  expect(refusal(provider(), both)).toMatch(/must not stand beside privateKey/)
})

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /`provider` must be what a preset returns, for example github/],
  ['an issuer only', 'https://id.acme.test', /`provider` must be what a preset returns/],
  [
    'a preset that only verifies',
    provider({ signIn: undefined }),
    /users can sign in at; got "acme", whose preset only verifies/,
  ],
  [
    'http that is not on this machine',
    new UpstreamImitation({ issuer: 'http://id.acme.test' }).provider(),
    /`provider\.issuer` must be an https URL, or http on a loopback address; got "http:\/\/id\.acme\.test"/,
  ],
  [
    'an endpoint without https',
    provider({
      client: { endpoints: { authorization: 'http://id.acme.test/a', token: 'https://id.acme.test/t' } },
    }),
    /`provider\.authorization` must be an https URL/,
  ],
  ['an issuer with the separator', provider({ issuer: 'https://id.acme.test/a|b' }), /without "\|"/],
  [
    'oauth2 without a userinfo endpoint',
    provider({
      client: { endpoints: { authorization: 'https://id.acme.test/a', token: 'https://id.acme.test/t' } },
      signIn: { name: 'A', protocol: 'oauth2' },
    }),
    /`provider\.client\.endpoints\.userinfo` must be there/,
  ],
  [
    'no client id',
    { provider: 'acme', issuer: 'https://id.acme.test', signIn: { name: 'A', protocol: 'oidc' } },
    /`provider\.clientId` must be the id of your application.*redirect URI <your issuer>\/authorize\/callback.*acme\(\{ … \}\)/,
  ],
  [
    'no secret at a provider that demands one',
    google({ clientId: '1.apps.googleusercontent.com' }),
    /`provider\.clientSecret` must be the secret.*google\(\{ … \}\).*privateKey or a clientAssertion/,
  ],
])('provider: %s', (_, preset, message) => {
  expect(refusal(preset)).toMatch(message)
})

test('names come from the preset, or from the options', () => {
  const preset = github({ clientId: 'Iv1', clientSecret: 'hush' })
  const plain = upstream(preset, { admit })
  expect([plain.name, plain.consent]).toEqual(['GitHub', 'before'])
  expect(plain.upstreams).toMatchObject([{ provider: 'github', issuer: 'https://github.com/login/oauth' }])
  const named = upstream(preset, { admit, name: 'Octo', provider: 'octo' })
  expect([named.name, named.upstreams![0]!.provider]).toEqual(['Octo', 'octo'])
  expect(upstream(preset, { admit, keepTokens: false }).upstreams).toBeUndefined()
})

test('an assertion stands in for the secret that Google demands', () => {
  const preset = google({ clientId: '1.apps.googleusercontent.com' })
  expect(upstream(preset, { admit, clientAssertion: () => 'a' }).name).toBe('Google')
})
