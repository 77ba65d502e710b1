// Every preset against every provider: the guard with A's data takes A's token, and refuses everybody else's.
import { expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { AuthInfo, AuthorizationServer, Provider } from '../../src/types.ts'
import {
  imitations,
  network,
  now,
  resource,
  type Imitation,
  type Network,
} from '../support/provider-imitations.ts'

type Guard = (token: string) => Promise<Response & { auth?: AuthInfo }>

function guardOf(server: Provider | AuthorizationServer, internet: Network): Guard {
  const rs = createResourceServer({
    resource,
    // The guard needs an issuer that clients can go to: an unlisted verifier is not enough.
    authorizationServers: [server],
    clock: () => now,
    fetch: internet.fetch,
  })
  let auth: AuthInfo | undefined
  const handler = rs.protect((_request, found) => {
    auth = found
    return new Response('in')
  })
  return async (token) => {
    auth = undefined
    const request = new Request(resource, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    return Object.assign(await handler(request), auth === undefined ? {} : { auth })
  }
}

/** As a user wires it: JWT presets bare, opaque ones through introspection. */
const wired = ({ preset, opaque }: Imitation): Provider | AuthorizationServer =>
  opaque ? introspectionVerifier(preset) : preset

const names = (await imitations()).map(({ name }) => name)

test('all eight are here, under names of their own', () => {
  expect(names).toEqual(['auth0', 'okta', 'cognito', 'entra', 'google', 'github', 'keycloak', 'oidc'])
})

test.each(names)('%s: the right token passes, with issuer, subject, client and scopes', async (name) => {
  const provider = (await imitations()).find((each) => each.name === name)!
  const response = await guardOf(wired(provider), network(provider))(provider.good)
  expect(response.status).toBe(200)
  const { issuer, subject, clientId, scopes } = response.auth!
  expect({ issuer, subject, clientId, scopes }).toEqual(provider.expected)
})

test.each(names)('%s: every wrong token is 401 invalid_token, and none of it is repeated', async (name) => {
  const provider = (await imitations()).find((each) => each.name === name)!
  const guard = guardOf(wired(provider), network(provider))
  expect(Object.keys(provider.bad).length).toBeGreaterThan(3)
  for (const [what, token] of Object.entries(provider.bad)) {
    const response = await guard(token)
    expect([what, response.status]).toEqual([what, 401])
    const challenge = response.headers.get('www-authenticate')!
    expect(challenge, what).toContain('error="invalid_token"')
    expect(challenge + (await response.text()), what).not.toContain(token)
  }
})

test.each(names)(
  'G22, G26 %s: rate limited or down is 503 with Retry-After, and the handler is not called',
  async (name) => {
    for (const mood of ['rate limited', 'down'] as const) {
      const provider = (await imitations()).find((each) => each.name === name)!
      provider.mood = mood
      const response = await guardOf(wired(provider), network(provider))(provider.good)
      expect([mood, response.status]).toEqual([mood, 503])
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(response.headers.get('www-authenticate') ?? '').not.toContain('invalid_token')
      expect(response.auth).toBeUndefined()
    }
  },
)

test.each(names)(
  'the matrix: the guard with %s’s data takes its own token and nobody else’s',
  async (name) => {
    const all = await imitations()
    const own = all.find((each) => each.name === name)!
    const guard = guardOf(wired(own), network(...all))
    const outcome = await Promise.all(all.map(async (each) => [each.name, (await guard(each.good)).status]))
    expect(outcome).toEqual(all.map((each) => [each.name, each === own ? 200 : 401]))
  },
)

test.each(['okta', 'keycloak'])('%s: through introspection too, which sees revocation', async (name) => {
  const provider = (await imitations()).find((each) => each.name === name)!
  const internet = network(provider)
  const guard = guardOf(introspectionVerifier(provider.preset), internet)
  const response = await guard(provider.good)
  expect(response.status).toBe(200)
  const { issuer, subject, clientId, scopes } = response.auth!
  expect({ issuer, subject, clientId, scopes }).toEqual(provider.expected)
  expect(internet.requests.filter((each) => each.includes('introspect'))).toHaveLength(1)
  for (const token of Object.values(provider.bad)) expect((await guard(token)).status).toBe(401)
})

test.each(['okta', 'keycloak', 'github'])(
  'G26 %s: wrong credentials of our own are 503, never 401',
  async (name) => {
    const provider = (await imitations()).find((each) => each.name === name)!
    const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'wrong' } as const
    const server = introspectionVerifier(provider.preset, { authentication })
    const response = await guardOf(server, network(provider))(provider.good)
    expect(response.status).toBe(503)
  },
)

test('GitHub’s answer repeats the token: nothing of it reaches the claims', async () => {
  const provider = (await imitations()).find((each) => each.name === 'github')!
  const { auth } = await guardOf(wired(provider), network(provider))(provider.good)
  expect(auth!.claims).toEqual({
    active: true,
    client_id: 'Iv1.8a61f9b3a7aba766',
    scope: ['read:user', 'repo'],
    sub: '583231',
    login: 'octocat',
  })
})

test('an opaque preset passed bare says what to do', async () => {
  for (const { preset, opaque } of await imitations())
    if (opaque)
      expect(() => createResourceServer({ resource, authorizationServers: [preset] })).toThrow(
        'introspectionVerifier',
      )
})
