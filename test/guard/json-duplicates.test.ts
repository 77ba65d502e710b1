// S25: a member that is named twice, in every document that decides who is trusted.
import { expect, test } from 'vitest'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import { sharedSecretVerifier } from '../../src/resource-server/verify/shared-secret.ts'
import { refusal, Rig } from '../support/as.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { browserOf, expectLocal, pagesRig } from '../support/pages.ts'
import {
  good,
  hmac,
  issuer,
  jwksUri,
  key,
  post,
  rawToken,
  resourceA,
  verdict,
  world,
} from '../support/guard.ts'

const header = { alg: 'ES256', kid: 'k1', typ: 'at+jwt' }

/** The object's JSON with one more member in front. */
const doubled = (object: object, member: string): string => JSON.stringify(object).replace('{', `{${member},`)

const tokens: [what: string, header: object | string, claims: object | string][] = [
  ['alg', doubled(header, '"alg":"none"'), good],
  ['kid', doubled(header, '"kid":"k2"'), good],
  ['aud', header, doubled(good, '"aud":"https://mcp.test/b/mcp"')],
  ['scope', header, doubled(good, '"scope":"admin"')],
  ['an escaped sub', header, doubled(good, '"su\\u0062":"bob"')],
  ['a nested role', header, doubled(good, '"realm_access":{"roles":[],"roles":["admin"]}')],
]

test.each(tokens)(
  'S25 RFC 7519 §4 a signed token that names %s twice is refused',
  async (_, head, claims) => {
    const it = await world()
    const text = await rawToken(head as string, claims as string)
    expect(await verdict(await it.call(post(text)))).toBe('401-tok')
    expect((await it.call(post(await rawToken(header, good)))).status).toBe(200)
  },
)

test('S25 a token under a shared secret, too', async () => {
  const secret = 'thirty-two bytes at the very least!'
  const it = await world({ options: { authorizationServers: [sharedSecretVerifier({ issuer, secret })] } })
  const sign = hmac(new TextEncoder().encode(secret), 'SHA-256')
  const head = { alg: 'HS256', typ: 'at+jwt' }
  expect((await it.call(post(await rawToken(head, good, sign)))).status).toBe(200)
  const twice = await rawToken(head, doubled(good, '"sub":"bob"'), sign)
  expect(await verdict(await it.call(post(twice)))).toBe('401-tok')
})

test('S25 a key set and an introspection answer', async () => {
  const it = await world()
  const keys = JSON.stringify({ keys: [(await key('k1')).jwk] })
  it.outside.routes.set(jwksUri, () => new Response(keys.replace('{', '{"keys":[],')))
  expect(await verdict(await it.call(post(await rawToken(header))))).toBe('503-closed')

  const endpoint = `${issuer}/introspect`
  const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'x' } as const
  const asking = await world({
    options: { authorizationServers: [introspectionVerifier({ issuer, endpoint }, { authentication })] },
  })
  const answer = { active: true, ...good }
  asking.outside.routes.set(endpoint, () => new Response(doubled(answer, `"aud":"${resourceA}"`)))
  expect(await verdict(await asking.call(post('opaque')))).toBe('401-tok')
  asking.outside.routes.set(endpoint, () => Response.json(answer))
  expect((await asking.call(post('opaque-2'))).status).toBe(200)
})

test('S25 a client document and a registration', async () => {
  const web = new Web()
  const text = doubled(document(), '"client_name":"Somebody else"')
  web.serve(documentId, () => new Response(text, { headers: { 'content-type': 'application/json' } }))
  expectLocal(await browserOf(pagesRig({ fetch: web.fetch }), 'alice').get(await documentRequest()))

  const rig = new Rig()
  const metadata = { redirect_uris: ['https://app.test/cb'] }
  const twice = doubled(metadata, '"redirect_uris":["https://evil.test/cb"]')
  expect(await refusal(await rig.register(twice))).toBe('400 invalid_request')
  expect((await rig.register(metadata)).status).toBe(201)
})
