// Each imitated provider as an external authorization server: a client gets a token there, and the guard takes
// it with this provider's preset, and with no other one's.
import { describe, expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { AuthInfo, Provider } from '../../src/types.ts'
import { auth0Imitation } from '../support/providers/auth0.ts'
import { cognitoImitation } from '../support/providers/cognito.ts'
import { employee, entraImitation, tenantA, tenantB } from '../support/providers/entra.ts'
import { githubImitation } from '../support/providers/github.ts'
import { googleImitation } from '../support/providers/google.ts'
import {
  alice,
  fetchOf,
  now,
  obtainTokens,
  type ImitatedUser,
  type ProviderImitation,
} from '../support/providers/imitation.ts'
import { keycloakImitation } from '../support/providers/keycloak.ts'
import { oidcImitation } from '../support/providers/oidc.ts'
import { oktaImitation } from '../support/providers/okta.ts'

const resource = 'https://mcp.test/mcp'
const callback = 'https://client.test/callback'
const app = 'aaaaaaaa-1111-2222-3333-444444444444'

interface Case {
  readonly name: string
  readonly make: () => ProviderImitation
  readonly user?: ImitatedUser
  readonly parameters: Record<string, string>
  readonly subject: string
  readonly scopes: readonly string[]
}

const cases: readonly Case[] = [
  {
    name: 'auth0',
    make: () => auth0Imitation({ callback, api: resource }),
    parameters: { scope: 'openid notes:read', audience: resource },
    subject: 'auth0|583231',
    scopes: ['openid', 'notes:read'],
  },
  {
    name: 'okta',
    make: () => oktaImitation({ callback }),
    parameters: { scope: 'notes:read', resource },
    subject: 'alice@example.com',
    scopes: ['notes:read'],
  },
  {
    name: 'cognito',
    make: () => cognitoImitation({ callback }),
    parameters: { scope: 'notes/read' },
    subject: 'aaaaaaaa-bbbb-cccc-dddd-000000583231',
    scopes: ['notes/read'],
  },
  {
    name: 'entra',
    make: () => entraImitation({ callback }),
    user: employee(tenantA),
    parameters: { scope: `api://${app}/Notes.Read` },
    subject: employee(tenantA).id,
    scopes: ['Notes.Read'],
  },
  {
    name: 'keycloak',
    make: () => keycloakImitation({ callback, audience: resource }),
    parameters: { scope: 'openid notes:read', resource },
    subject: 'f3c2b1a0-0000-4000-8000-000000583231',
    scopes: ['openid', 'notes:read'],
  },
  {
    name: 'google',
    make: () => googleImitation({ callback }),
    parameters: { scope: 'openid email' },
    subject: '583231',
    scopes: ['openid', 'https://www.googleapis.com/auth/userinfo.email'],
  },
  {
    name: 'github',
    make: () => githubImitation({ callback }),
    parameters: { scope: 'read:user repo' },
    subject: '583231',
    scopes: ['read:user', 'repo'],
  },
  {
    name: 'github enterprise',
    make: () => githubImitation({ callback, host: 'github.example.com' }),
    parameters: { scope: 'read:user' },
    subject: '583231',
    scopes: ['read:user'],
  },
  {
    name: 'oidc',
    make: () => oidcImitation({ callback }),
    parameters: { scope: 'notes:read', resource },
    subject: '583231',
    scopes: ['notes:read'],
  },
]

/** A guard with this preset: JWTs are verified, opaque tokens are asked about. */
function guardWith(preset: Provider, ...internet: ProviderImitation[]) {
  const seen: AuthInfo[] = []
  const rs = createResourceServer({
    resource,
    authorizationServers: [preset.jwt ? preset : introspectionVerifier(preset)],
    clock: () => now,
    fetch: fetchOf(...internet),
  })
  const handler = rs.protect((_request, found) => {
    seen.push(found)
    return new Response('in')
  })
  return async (token: unknown) => {
    seen.length = 0
    const headers = { authorization: `Bearer ${String(token)}` }
    const { status } = await handler(new Request(resource, { method: 'POST', headers }))
    return { status, auth: seen[0] }
  }
}

/** A token that a client gets there. */
const tokenOf = async (
  { user = alice, parameters }: Case,
  imitation: ProviderImitation,
): Promise<unknown> => {
  const { access_token: token } = await obtainTokens(imitation, user, parameters)
  return token
}

describe.each(cases)('$name', (each) => {
  const { make, subject, scopes } = each
  test('the guard takes its token with its preset, with subject and scopes', async () => {
    const imitation = make()
    const { status, auth } = await guardWith(imitation.preset, imitation)(await tokenOf(each, imitation))
    expect({ status, subject: auth?.subject, scopes: auth?.scopes, issuer: auth?.issuer }).toEqual({
      status: 200,
      subject,
      scopes,
      issuer: imitation.preset.issuer,
    })
  })

  test('and with no other preset', async () => {
    const own = make()
    const token = await tokenOf(each, own)
    for (const other of cases.filter(({ name }) => name !== each.name)) {
      const theirs = other.make()
      const internet = theirs.origins.some((origin) => own.origins.includes(origin)) ? [own] : [theirs, own]
      expect([other.name, (await guardWith(theirs.preset, ...internet)(token)).status]).toEqual([
        other.name,
        401,
      ])
    }
  })
})

test.each(cases.filter(({ name }) => /github|google/.test(name)))(
  '$name: a token that the user has revoked there is refused',
  async (each) => {
    const imitation = each.make()
    const token = await tokenOf(each, imitation)
    imitation.removeApplication()
    expect((await guardWith(imitation.preset, imitation)(token)).status).toBe(401)
  },
)

test('auth0: without an audience the token is encrypted, and refused', async () => {
  const imitation = auth0Imitation({ callback, api: resource })
  const { access_token: token } = await obtainTokens(imitation, alice, { scope: 'openid', resource })
  expect((await guardWith(imitation.preset, imitation)(token)).status).toBe(401)
})

test('keycloak: without an audience mapper the token is for account, whatever resource says', async () => {
  const imitation = keycloakImitation({ callback })
  const { access_token: token } = await obtainTokens(imitation, alice, { scope: 'notes:read', resource })
  expect((await guardWith(imitation.preset, imitation)(token)).status).toBe(401)
})

test('entra: a resource is answered with AADSTS9010010, and a token of another tenant is refused', async () => {
  const imitation = entraImitation({ callback })
  const url = new URL(imitation.urls.authorize)
  url.search = String(
    new URLSearchParams({
      response_type: 'code',
      client_id: app,
      redirect_uri: `${callback}/entra`,
      scope: 's',
      resource,
    }),
  )
  const refused = await imitation.handle(new Request(url))
  expect(refused.headers.get('location')).toContain('AADSTS9010010')
  const scope = `api://${app}/Notes.Read`
  const { access_token: token } = await obtainTokens(imitation, employee(tenantB), { scope })
  expect((await guardWith(imitation.preset, imitation)(token)).status).toBe(401)
})
