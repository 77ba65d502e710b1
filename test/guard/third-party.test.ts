// No secret goes to a third party: who of several verifiers gets a token, in any order in which they are listed.
import { expect, test } from 'vitest'
import { firstOf, jwtVerifier, type AuthorizationServer } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { apiKeyVerifier, createApiKey } from '../../src/resource-server/verify/api-keys.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import { RES_A, Rig } from '../support/as.ts'
import { issuer, jwksUri, post, resourceA, start, token, world } from '../support/guard.ts'

const endpoint = `${issuer}/introspect`
const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'x' } as const
const active = { active: true, aud: resourceA, sub: 'alice', client_id: 'c', exp: start + 900 }

/** Both orders of two verifiers. */
const orders = (a: AuthorizationServer, b: AuthorizationServer): AuthorizationServer[][] => [
  [a, b],
  [b, a],
]

test('an API key never reaches the identity provider’s introspection, in either order', async () => {
  const made = await createApiKey('notes_')
  const keys = apiKeyVerifier({ prefix: 'notes_', keys: [{ hash: made.hash, subject: 'ada', scopes: [] }] })
  for (const accepts of [undefined, () => true]) {
    const asking = introspectionVerifier(
      { issuer, endpoint },
      { authentication, ...(accepts === undefined ? {} : { accepts }) },
    )
    for (const authorizationServers of orders(asking, keys)) {
      const it = await world({ options: { authorizationServers } })
      it.outside.routes.set(endpoint, () => Response.json(active))
      expect((await it.call(post(made.key))).status).toBe(200)
      expect(it.auth?.subject).toBe('ada')
      // One that is not known (any more) goes out as little.
      expect((await it.call(post('notes_unknown'))).status).toBe(401)
      expect(it.outside.count(endpoint)).toBe(0)
      expect((await it.call(post('opaque'))).status).toBe(200)
      expect(it.outside.count(endpoint)).toBe(1)
    }
  }
})

test('nor do tokens of the embedded server, and of a verifier that recognises its own', async () => {
  const rig = new Rig({
    resources: { [RES_A]: { scopes: { 'notes:read': 'Read' }, accessTokens: 'opaque' } },
  })
  const { access_token: opaque } = await rig.tokens('pub', { scopes: ['notes:read'] })
  const own = customVerifier({
    issuer: 'https://own.test',
    verify: () => ({ clientId: 'c', scopes: [] }),
    accepts: (text) => text.startsWith('own_'),
  })
  const asking = introspectionVerifier({ issuer, endpoint }, { authentication })
  for (const [server, text] of [
    [rig.as, opaque],
    [own, 'own_1'],
  ] as const)
    for (const authorizationServers of orders(asking, server)) {
      const it = await world({ options: { authorizationServers, clock: () => rig.now } })
      expect((await it.call(post(text))).status).toBe(200)
      expect(it.outside.requests).toEqual([])
    }
})

test('firstOf keeps its order for what several recognise, also as one of several', async () => {
  const asking = introspectionVerifier({ issuer, endpoint }, { authentication })
  const local = jwtVerifier({ issuer, jwksUri })
  const signed = await token()
  for (const [servers, asked] of [
    [[asking, local], 1],
    [[local, asking], 0],
  ] as const) {
    const other = customVerifier({ issuer: 'https://other.test', verify: () => undefined })
    const it = await world({ options: { authorizationServers: [other, firstOf(...servers)] } })
    it.outside.routes.set(endpoint, () => Response.json(active))
    expect((await it.call(post(signed))).status).toBe(200)
    expect(it.outside.count(endpoint)).toBe(asked)
  }
})
