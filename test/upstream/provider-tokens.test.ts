// Which providers' tokens are renewed and revoked, and that it takes their preset's data.
import { describe, expect, test } from 'vitest'
import { isUnavailableError } from '../../src/errors.ts'
import type { Provider, SignInProfile } from '../../src/types.ts'
import { auth0Imitation } from '../support/providers/auth0.ts'
import { cognitoImitation } from '../support/providers/cognito.ts'
import { employee, entraImitation, tenantA } from '../support/providers/entra.ts'
import { githubImitation } from '../support/providers/github.ts'
import { googleImitation } from '../support/providers/google.ts'
import { alice, type ImitatedUser, type ProviderImitation } from '../support/providers/imitation.ts'
import { keycloakImitation } from '../support/providers/keycloak.ts'
import { oidcImitation } from '../support/providers/oidc.ts'
import { oktaImitation } from '../support/providers/okta.ts'
import { callback, signedIn, type World } from '../support/providers/world.ts'

test('a GitHub App’s tokens are renewed; an OAuth app’s live for ever', async () => {
  const app = await signedIn(githubImitation({ callback, app: true }))
  const first = await app.token()
  app.world.rig.now += 28_800
  expect((await app.token()).accessToken).not.toBe(first.accessToken)
  const oauth = await signedIn(githubImitation({ callback }))
  const only = await oauth.token()
  oauth.world.rig.now += 28_800
  expect((await oauth.token()).accessToken).toBe(only.accessToken)
})

test('Google: offline access is asked for, so that tokens are renewed; without the preset’s parameters they are not', async () => {
  const idp = googleImitation({ callback })
  const used = await signedIn(idp)
  const first = await used.token()
  used.world.rig.now += 3600
  expect((await used.token()).accessToken).not.toBe(first.accessToken)
  const { authorizationParameters: _, ...client } = idp.preset.client!
  const credentials = idp.preset.credentials!
  const other = await signedIn(googleImitation({ callback }), alice, {
    ...idp.preset,
    client,
    credentials,
  })
  other.world.rig.now += 3600
  await expect(other.token()).rejects.toMatchObject({ code: 'invalid_grant' })
})

test('Entra ID: offline_access is asked for; another preset’s data get no refresh token', async () => {
  const used = await signedIn(entraImitation({ callback }), employee(tenantA))
  const first = await used.token()
  used.world.rig.now += 3736
  expect((await used.token()).accessToken).not.toBe(first.accessToken)
  const idp = entraImitation({ callback })
  const { offlineScope: _, ...signIn } = idp.preset.signIn!
  const preset = { ...idp.preset, signIn, credentials: idp.preset.credentials! }
  const other = await signedIn(idp, employee(tenantA), preset)
  other.world.rig.now += 3736
  await expect(other.token()).rejects.toMatchObject({ code: 'invalid_grant' })
})

test('Cognito: a refresh brings no refresh token, and the first one serves again', async () => {
  const used = await signedIn(cognitoImitation({ callback }))
  const seen = new Set<string>()
  for (let i = 0; i < 3; i++) {
    seen.add((await used.token()).accessToken)
    used.world.rig.now += 3600
  }
  expect(seen.size).toBe(3)
})

test('Keycloak: an offline token outlives the session; without offline_access the sign-in ends with it', async () => {
  const used = await signedIn(keycloakImitation({ callback }))
  used.world.rig.now += 3600
  await expect(used.token()).resolves.toBeDefined()
  const idp = keycloakImitation({ callback })
  const { offlineScope: _, ...signIn } = idp.preset.signIn!
  const other = await signedIn(idp, alice, { ...idp.preset, signIn, credentials: idp.preset.credentials! })
  other.world.rig.now += 3600
  await expect(other.token()).rejects.toMatchObject({ code: 'invalid_grant' })
})

describe.each<[string, () => ProviderImitation, ImitatedUser?]>([
  ['github', () => githubImitation({ callback, app: true })],
  ['google', () => googleImitation({ callback })],
  ['entra', () => entraImitation({ callback }), employee(tenantA)],
  ['auth0', () => auth0Imitation({ callback, api: 'https://api.test/' })],
  ['okta', () => oktaImitation({ callback })],
  ['cognito', () => cognitoImitation({ callback })],
  ['keycloak', () => keycloakImitation({ callback })],
  ['oidc', () => oidcImitation({ callback })],
])('CN12 %s', (_, make, user = alice) => {
  test('429 and 5xx at a renewal lose nothing', async () => {
    for (const status of [429, 500] as const) {
      const { token, world } = await signedIn(make(), user)
      const first = await token()
      world.rig.now += 90_000
      world.idp.failNext(status, world.idp.urls.token)
      const failure: unknown = await token().catch((error: unknown) => error)
      expect(isUnavailableError(failure)).toBe(true)
      world.rig.now += 60
      expect((await token()).accessToken).not.toBe(first.accessToken)
    }
  })

  test('the user removes the application there: the sign-in has ended', async () => {
    const { token, world } = await signedIn(make(), user)
    await token()
    world.rig.now += 90_000
    world.idp.removeApplication()
    await expect(token()).rejects.toMatchObject({ code: 'invalid_grant' })
  })
})

test('Google: scopes come back as URIs, and a tool gets the names that were asked for', async () => {
  const { token } = await signedIn(googleImitation({ callback }))
  expect((await token()).scopes).toEqual(['openid', 'profile', 'email'])
  const idp = googleImitation({ callback })
  const other = await signedIn(idp, alice, changed(idp, { scopeAliases: {} }))
  expect((await other.token()).scopes).toContain('https://www.googleapis.com/auth/userinfo.email')
})

describe('a grant that ends', () => {
  /** Ends all grants of the user, and what was sent to the provider then. */
  async function ended(world: World, subject: string | undefined): Promise<string[]> {
    const before = world.idp.requests.length
    await world.rig.as.grants.revoke(subject!)
    await Promise.all(world.background)
    return world.idp.requests.slice(before).map(({ method, url }) => `${method} ${url}`)
  }

  test('GitHub: the token is deleted; another preset’s data leave it alive', async () => {
    const idp = githubImitation({ callback })
    const { token, world, subject } = await signedIn(idp)
    const { accessToken } = await token()
    const url = `https://api.github.com/applications/${idp.client.id}/token`
    expect(await ended(world, subject)).toEqual([`DELETE ${url}`])
    expect(await statusOf(idp, accessToken)).toBe(401)
    const other = githubImitation({ callback })
    const used = await signedIn(other, alice, changed(other, { revocation: 'rfc7009' }))
    const alive = await used.token()
    expect(await ended(used.world, used.subject)).toEqual([])
    expect(await statusOf(other, alive.accessToken)).toBe(200)
  })

  test.each([
    ['keycloak', () => keycloakImitation({ callback })],
    ['oidc', () => oidcImitation({ callback })],
    ['google', () => googleImitation({ callback })],
  ])('RFC 7009 %s: the tokens are revoked', async (_, make) => {
    const { world, subject } = await signedIn(make())
    const sent = await ended(world, subject)
    expect(new Set(sent)).toEqual(new Set([`POST ${world.idp.urls.revocation}`]))
  })

  test('Google ends all tokens of a user at once, so it is asked only for the last grant', async () => {
    const world = (await signedIn(googleImitation({ callback }))).world
    const second = await world.use(await world.signIn())
    const first = (await world.rig.as.grants.list(second.subject!))[0]!
    await world.rig.as.grants.revoke(second.subject!, first.id)
    await Promise.all(world.background)
    expect(world.idp.requests.filter(({ url }) => url === world.idp.urls.revocation)).toEqual([])
    expect(await ended(world, second.subject)).toHaveLength(1)
  })

  test('Entra ID has no revocation: nothing is sent', async () => {
    const { world, subject } = await signedIn(entraImitation({ callback }), employee(tenantA))
    expect(await ended(world, subject)).toEqual([])
  })
})

const statusOf = async (idp: ProviderImitation, accessToken: string): Promise<number> => {
  const headers = { authorization: `Bearer ${accessToken}`, 'user-agent': 'test' }
  return (await idp.handle(new Request('https://api.github.com/user', { headers }))).status
}

/** The preset with other data for sign-in. */
const changed = ({ preset }: ProviderImitation, signIn: Partial<SignInProfile>): Provider => ({
  ...preset,
  signIn: { ...preset.signIn!, ...signIn },
  credentials: preset.credentials!,
})
