// Sign-in at each imitated provider with its preset, its quirk, and that the quirk needs this preset.
import { describe, expect, test } from 'vitest'
import { entra } from '../../src/provider/entra.ts'
import { oauth2 } from '../../src/provider/oauth2.ts'
import type { UpstreamOptions } from '../../src/upstream/index.ts'
import { auth0Imitation } from '../support/providers/auth0.ts'
import { cognitoImitation } from '../support/providers/cognito.ts'
import { employee, entraImitation, tenantA, tenantB } from '../support/providers/entra.ts'
import { githubImitation } from '../support/providers/github.ts'
import { googleImitation } from '../support/providers/google.ts'
import { alice, mallory, type ImitatedUser, type ProviderImitation } from '../support/providers/imitation.ts'
import { keycloakImitation } from '../support/providers/keycloak.ts'
import { oidcImitation } from '../support/providers/oidc.ts'
import { oktaImitation } from '../support/providers/okta.ts'
import { slackImitation, workspace } from '../support/providers/slack.ts'
import { expectCode, fails, callback, signedIn, standard, World } from '../support/providers/world.ts'

const colleague: ImitatedUser = { ...alice, id: 'U0R7MFMJM', tenant: workspace }

interface Case {
  readonly name: string
  readonly make: () => ProviderImitation
  readonly user?: ImitatedUser
  readonly subject: string
  /** Of the provider's access tokens; several kinds are possible. */
  readonly token: RegExp
}

const cases: readonly Case[] = [
  {
    name: 'github',
    make: () => githubImitation({ callback }),
    subject: 'https://github.com/login/oauth|583231',
    token: /^gho_/,
  },
  {
    name: 'github enterprise',
    make: () => githubImitation({ callback, host: 'github.example.com' }),
    subject: 'https://github.example.com/login/oauth|583231',
    token: /^gho_/,
  },
  {
    name: 'google',
    make: () => googleImitation({ callback }),
    subject: 'https://accounts.google.com|583231',
    token: /^ya29\./,
  },
  {
    name: 'entra',
    make: () => entraImitation({ callback }),
    user: employee(tenantA),
    subject: `https://login.microsoftonline.com/${tenantA}/v2.0|${employee(tenantA).id}`,
    token: /^ey/,
  },
  {
    name: 'entra, several tenants',
    make: () =>
      entraImitation({
        callback,
        authority: 'organizations',
        preset: { tenants: [tenantA, tenantB] },
      }),
    user: employee(tenantB),
    subject: `https://login.microsoftonline.com/${tenantB}/v2.0|${employee(tenantB).id}`,
    token: /^ey/,
  },
  {
    name: 'auth0',
    make: () => auth0Imitation({ callback, api: 'https://api.test/' }),
    subject: 'https://tenant.eu.auth0.com/|auth0|583231',
    token: /^eyJhbGciOiJkaXIi/,
  },
  {
    name: 'okta',
    make: () => oktaImitation({ callback }),
    subject: 'https://dev-123.okta.com/oauth2/default|00u583231',
    token: /^ey/,
  },
  {
    name: 'cognito',
    make: () => cognitoImitation({ callback }),
    subject:
      'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI|aaaaaaaa-bbbb-cccc-dddd-000000583231',
    token: /^ey/,
  },
  {
    name: 'keycloak',
    make: () => keycloakImitation({ callback }),
    subject: 'https://id.example.com/realms/notes|f3c2b1a0-0000-4000-8000-000000583231',
    token: /^ey/,
  },
  {
    name: 'slack',
    make: () => slackImitation({ callback }),
    user: colleague,
    subject: 'https://slack.com|T0R7GR6AE:U0R7MFMJM',
    token: /^xoxp-/,
  },
  {
    name: 'oidc',
    make: () => oidcImitation({ callback }),
    subject: 'https://as.example.com|583231',
    token: /^ey/,
  },
]

describe.each(cases)('CN10, CN11 sign-in: $name', ({ make, user = alice, subject, token }) => {
  test('the whole way, with the provider’s token in a tool', async () => {
    const world = new World(make())
    world.idp.user = user
    const used = await world.use(await world.signIn())
    expect(used.subject).toBe(subject)
    expect((await used.token()).accessToken).toMatch(token)
    expect(world.refusals).toEqual([])
  })

  test('the request has its own PKCE and state, and no resource', async () => {
    const world = new World(make())
    world.idp.user = user
    await world.signIn({ state: 'of the client', resource: 'https://mcp.test/mcp' })
    expect(world.asked.get('code_challenge_method')).toBe('S256')
    expect(world.asked.get('code_challenge')).toHaveLength(43)
    expect(world.asked.get('state')).not.toBe('of the client')
    expect(world.asked.has('resource')).toBe(false)
  })

  test('a wrong secret: server_error for the client, and an event', async () => {
    const idp = make()
    const { clientId } = idp.preset.credentials!
    const preset = { ...idp.preset, credentials: { clientId, clientSecret: 'not the secret' } }
    const world = new World(idp, preset)
    idp.user = user
    const shown = await world.signIn()
    expect(shown.location?.searchParams.get('error') ?? shown.status).toBeOneOf(['server_error', 502])
    expect(world.refusals).toEqual(['The identity provider refused the code'])
  })

  test('CN12 429 and 5xx at the token endpoint are temporarily_unavailable', async () => {
    for (const status of [429, 500] as const) {
      const world = new World(make())
      world.idp.user = user
      world.idp.failNext(status, world.idp.urls.token)
      const shown = await world.signIn()
      expect(shown.location?.searchParams.get('error') ?? shown.status).toBeOneOf([
        'temporarily_unavailable',
        503,
      ])
    }
  })
})

describe('GitHub', () => {
  test('a refused code comes with status 200, and is refused all the same', async () => {
    const idp = githubImitation({ callback })
    idp.user = alice
    const world = new World(idp)
    const handle = idp.handle.bind(idp)
    idp.handle = (request) => {
      // The code was used before it came here.
      if (request.url === idp.urls.token) idp.removeApplication()
      return handle(request)
    }
    expect(await fails(world)).toBe('server_error')
    expect(world.rig.events).toContainEqual(
      expect.objectContaining({ type: 'upstream.refused', error: 'bad_verification_code' }),
    )
  })

  test('between scopes in the answer is a comma, which another preset’s data does not part', async () => {
    const options = { scopes: ['read:user', 'repo'] }
    const idp = githubImitation({ callback })
    const used = await signedIn(idp, alice, idp.preset, options)
    expect((await used.token()).scopes).toEqual(['read:user', 'repo'])
    const { scopeSeparator: _, ...signIn } = idp.preset.signIn!
    const credentials = idp.preset.credentials!
    const other = await signedIn(
      githubImitation({ callback }),
      alice,
      { ...idp.preset, signIn, credentials },
      options,
    )
    expect((await other.token()).scopes).toEqual(['read:user,repo'])
  })

  test('no ID token and no metadata: with the data of an OpenID provider the sign-in fails', async () => {
    const idp = githubImitation({ callback })
    idp.user = alice
    expect(await fails(new World(idp, standard(idp)))).toBe('temporarily_unavailable')
    const signIn = { ...idp.preset.signIn!, protocol: 'oidc' as const }
    const credentials = idp.preset.credentials!
    expect(await fails(new World(idp, { ...idp.preset, credentials, signIn }))).toBe('server_error')
  })

  test('oauth2() with GitHub’s endpoints is the same user; without the subject claim the sign-in fails', async () => {
    const options = {
      issuer: 'https://github.com/login/oauth',
      authorizationEndpoint: 'https://github.com/login/oauth/authorize',
      tokenEndpoint: 'https://github.com/login/oauth/access_token',
      userinfoEndpoint: 'https://api.github.com/user',
    }
    const idp = githubImitation({ callback })
    const client = { clientId: idp.client.id, clientSecret: idp.client.secret! }
    const used = await signedIn(idp, alice, oauth2({ ...options, ...client, subjectClaim: 'id' }))
    expect(used.subject).toBe('https://github.com/login/oauth|583231')
    expect(await fails(new World(idp, oauth2({ ...options, ...client })))).toBe('server_error')
  })
})

describe('Google', () => {
  test('it refuses the scope offline_access and prompt=login, which the preset does not send', async () => {
    const idp = googleImitation({ callback })
    idp.user = alice
    // It signs in, but does not say when, so the client's wish is not met.
    expect(await fails(new World(idp), { prompt: 'login' })).toBe('login_required')
    expect(await fails(new World(idp, standard(idp)))).toBe('400')
    const withoutOffline = { ...standard(idp), credentials: idp.preset.credentials! }
    const { offlineScope: _, ...signIn } = withoutOffline.signIn!
    expect(await fails(new World(idp, { ...withoutOffline, signIn }), { prompt: 'login' })).toBe('400')
  })

  test('both spellings of its issuer are one; another preset’s data refuse the old one', async () => {
    const idp = googleImitation({ callback, legacyIssuer: true })
    expect((await signedIn(idp)).subject).toBe('https://accounts.google.com|583231')
    const { idTokenIssuers: _, ...signIn } = idp.preset.signIn!
    const world = new World(idp, { ...idp.preset, signIn, credentials: idp.preset.credentials! })
    expect(await fails(world)).toBe('server_error')
  })

  test('CN10 an address that is not verified is no email, and another id is another person', async () => {
    const emails: (string | undefined)[] = []
    const admit: UpstreamOptions['admit'] = ({ email }) => {
      emails.push(email)
      return true
    }
    const subjects = []
    for (const user of [alice, mallory])
      subjects.push((await signedIn(googleImitation({ callback }), user, undefined, { admit })).subject)
    expect(emails).toEqual(['alice@example.com', undefined])
    expect(new Set(subjects).size).toBe(2)
  })
})

describe('Microsoft Entra ID', () => {
  const multi = (): ProviderImitation =>
    entraImitation({ callback, authority: 'organizations', preset: { tenants: [tenantA] } })

  test('the metadata of many tenants name no issuer: with the data of an OpenID provider the sign-in fails', async () => {
    const idp = multi()
    idp.user = employee(tenantA)
    expect(await fails(new World(idp, standard(idp)))).toBe('temporarily_unavailable')
  })

  test('CN10 a tenant that is not listed: access_denied, and admit is not asked', async () => {
    const idp = multi()
    const asked: string[] = []
    const world = new World(idp, idp.preset, { admit: ({ subject }) => asked.push(subject) > 0 })
    idp.user = employee(tenantB)
    expect(await fails(world)).toBe('access_denied')
    expect(asked).toEqual([])
    idp.user = employee(tenantA)
    expectCode(await world.signIn())
    expect(asked).toEqual([employee(tenantA).id])
  })

  test('CN10 one tenant: a token of another one is refused', async () => {
    const idp = entraImitation({ callback })
    idp.user = employee(tenantB)
    expect(await fails(new World(idp))).toBe('server_error')
  })

  test('CN10 the same id in two tenants is two people', async () => {
    const preset = { tenants: [tenantA, tenantB] }
    const idp = (): ProviderImitation => entraImitation({ callback, authority: 'organizations', preset })
    const subjects = []
    for (const tenant of [tenantA, tenantB])
      subjects.push((await signedIn(idp(), employee(tenant, 'same'))).subject)
    expect(new Set(subjects).size).toBe(2)
  })

  test('CN10 no email, since it does not say whether the address is verified (nOAuth)', async () => {
    const emails: unknown[] = []
    const admit: UpstreamOptions['admit'] = ({ email, claims }) => emails.push([email, claims['email']]) > 0
    await signedIn(entraImitation({ callback }), employee(tenantA), undefined, { admit })
    expect(emails).toEqual([[undefined, 'alice@example.com']])
  })

  test('a preset of one tenant has no list, and one of many needs it', () => {
    const { id: clientId } = multi().client
    expect(() => entra({ tenantId: 'organizations', clientId })).toThrow('`tenants`')
  })
})

describe('Auth0', () => {
  const api = 'https://api.test/'

  test('the slash belongs to its issuer, and its applications take the secret in the body', async () => {
    const idp = auth0Imitation({ callback, api })
    idp.user = alice
    const without = idp.preset.issuer.slice(0, -1)
    expect(await fails(new World(idp, standard(idp, without)))).toBe('temporarily_unavailable')
    expect(await fails(new World(idp, standard(idp)))).toBe('server_error')
    expectCode(await new World(idp).signIn())
  })

  test('the API is asked for as audience; a resource is not understood', async () => {
    const tokenWith = async (authorizationParameters: Record<string, string>): Promise<string> => {
      const idp = auth0Imitation({ callback, api })
      const used = await signedIn(idp, alice, idp.preset, { authorizationParameters })
      return (await used.token()).accessToken
    }
    expect((await tokenWith({ audience: api })).split('.')).toHaveLength(3)
    expect((await tokenWith({ resource: api })).split('.')).toHaveLength(5)
  })
})

test('Okta refuses prompt=select_account, which the preset does not pass on and another one does', async () => {
  const idp = oktaImitation({ callback })
  idp.user = alice
  expectCode(await new World(idp).signIn({ prompt: 'select_account' }))
  expect(await fails(new World(idp, standard(idp)), { prompt: 'select_account' })).toBe('server_error')
})

describe('Cognito', () => {
  test('it has no scope offline_access, which another preset’s data ask for', async () => {
    const idp = cognitoImitation({ callback })
    idp.user = alice
    expect(await fails(new World(idp, standard(idp)))).toBe('server_error')
    expectCode(await new World(idp).signIn())
  })
})

test('RFC 9207 Keycloak says who answers: an answer in another one’s name is not redeemed (mix-up)', async () => {
  const idp = keycloakImitation({ callback })
  idp.user = alice
  const world = new World(idp)
  const handle = idp.handle.bind(idp)
  idp.handle = async (request) => {
    const answer = await handle(request)
    const location = answer.headers.get('location')
    if (location === null) return answer
    const url = new URL(location)
    url.searchParams.set('iss', 'https://id.example.com/realms/evil')
    return new Response(null, { status: 302, headers: { location: url.href } })
  }
  expect(await fails(world)).toBe('server_error')
  expect(idp.requests.filter(({ url }) => url === idp.urls.token)).toEqual([])
})

test('oidc() authenticates as the metadata say; the data of a preset that says otherwise are refused', async () => {
  const idp = oidcImitation({ callback })
  idp.user = alice
  expectCode(await new World(idp).signIn())
  const other = oidcImitation({ callback, preset: { clientAuth: 'client_secret_post' } })
  other.user = alice
  expect(await fails(new World(other))).toBe('server_error')
})

describe('Slack', () => {
  test('CN10 a user of another workspace: access_denied, in both forms', async () => {
    for (const userTokens of [false, true]) {
      const idp = slackImitation({ callback, userTokens })
      idp.user = { ...colleague, tenant: 'T0OTHER' }
      const options = { scopes: userTokens ? ['users:read'] : [] }
      expect(await fails(new World(idp, idp.preset, options))).toBe('access_denied')
    }
  })

  test('the user’s token stands in authed_user; another preset’s data find none', async () => {
    const options = { scopes: ['chat:write', 'users:read'] }
    const used = await signedIn(slackImitation({ callback, userTokens: true }), colleague, undefined, options)
    expect(used.subject).toBe('https://slack.com|T0R7GR6AE:U0R7MFMJM')
    expect(await used.token()).toMatchObject({
      accessToken: expect.stringMatching(/^xoxp-/),
      scopes: ['chat:write', 'users:read'],
    })
    const idp = slackImitation({ callback, userTokens: true })
    idp.user = colleague
    const { tokenPath: _, ...signIn } = idp.preset.signIn!
    const preset = { ...idp.preset, signIn, credentials: idp.preset.credentials! }
    expect(await fails(new World(idp, preset, options))).toBe('server_error')
  })
})
