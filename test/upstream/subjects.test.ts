// A subject names one user of what its issuer stands for: a tenant, a workspace, a host.
import { describe, expect, test } from 'vitest'
import { auth0 } from '../../src/provider/auth0.ts'
import { authentik } from '../../src/provider/authentik.ts'
import { betterAuth } from '../../src/provider/better-auth.ts'
import { clerk } from '../../src/provider/clerk.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { descope } from '../../src/provider/descope.ts'
import { entra } from '../../src/provider/entra.ts'
import { fusionauth } from '../../src/provider/fusionauth.ts'
import { github } from '../../src/provider/github.ts'
import { gitlab } from '../../src/provider/gitlab.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { kinde } from '../../src/provider/kinde.ts'
import { logto } from '../../src/provider/logto.ts'
import { okta } from '../../src/provider/okta.ts'
import { ory } from '../../src/provider/ory.ts'
import { ping } from '../../src/provider/ping.ts'
import { scalekit } from '../../src/provider/scalekit.ts'
import { slack } from '../../src/provider/slack.ts'
import { stytch } from '../../src/provider/stytch.ts'
import { supabase } from '../../src/provider/supabase.ts'
import { workos } from '../../src/provider/workos.ts'
import { zitadel } from '../../src/provider/zitadel.ts'
import type { Provider, SignInProfile } from '../../src/types.ts'
import { resolveUpstream } from '../../src/upstream/options.ts'
import type { Remote } from '../../src/upstream/remote.ts'
import { toUser } from '../../src/upstream/user.ts'
import { expectRedirect } from '../support/pages.ts'
import { alice, UpstreamWorld } from '../support/upstream.ts'

const app = { clientId: 'c', clientSecret: 's' }
const guid = (digit: string): string => `${digit.repeat(8)}-1111-1111-1111-111111111111`

/** The subject of the user with the id 1 at this deployment. */
function subjectAt(provider: Provider, claims: Record<string, unknown>): string {
  const upstream = resolveUpstream(provider, { admit: () => true })
  const user = { sub: '1', id: 1, user_id: '1', ...claims }
  const { issuer, subject } = toUser(
    { upstream } as Remote,
    { issuer: provider.issuer, claims: user },
    'token',
  )
  return `${issuer}|${subject}`
}

const slackClaims = (team: string) => ({ team_id: team, 'https://slack.com/team_id': team })

/** Two deployments, with what their providers say of the tenant. */
type Deployment = Provider | [Provider, Record<string, unknown>]
const deployments: Record<string, (tenant: 'a' | 'b') => Deployment> = {
  auth0: (tenant) => auth0({ ...app, domain: `${tenant}.auth0.com` }),
  'authentik, applications': (tenant) => authentik({ ...app, url: 'https://id.test', slug: tenant }),
  betterAuth: (tenant) => betterAuth({ ...app, url: `https://${tenant}.test/api/auth` }),
  clerk: (tenant) => clerk({ ...app, domain: `${tenant}.clerk.accounts.dev` }),
  cognito: (tenant) => cognito({ ...app, region: 'eu-central-1', userPoolId: `eu-central-1_${tenant}` }),
  descope: (tenant) => descope({ ...app, projectId: tenant }),
  'entra, one tenant': (tenant) => entra({ ...app, tenantId: guid(tenant) }),
  'fusionauth, instances': (tenant) => fusionauth({ ...app, url: `https://${tenant}.test` }),
  'github, hosts': (tenant) => github({ ...app, host: `${tenant}.ghe.com` }),
  gitlab: (tenant) => gitlab({ ...app, url: `https://gitlab.${tenant}.test` }),
  'keycloak, realms': (tenant) => keycloak({ ...app, url: 'https://id.test', realm: tenant }),
  kinde: (tenant) => kinde({ ...app, domain: `${tenant}.kinde.com` }),
  logto: (tenant) => logto({ ...app, url: `https://${tenant}.logto.app` }),
  okta: (tenant) => okta({ ...app, domain: `${tenant}.okta.com` }),
  ory: (tenant) => ory({ ...app, url: `https://${tenant}.projects.oryapis.com` }),
  ping: (tenant) => ping({ ...app, environmentId: guid(tenant) }),
  scalekit: (tenant) => scalekit({ ...app, environmentUrl: `https://${tenant}.scalekit.com` }),
  'slack, workspaces': (tenant) => [slack({ ...app, teamId: `T${tenant}` }), slackClaims(`T${tenant}`)],
  'slack, user tokens': (tenant) => [
    slack({ ...app, teamId: `T${tenant}`, userTokens: true }),
    slackClaims(`T${tenant}`),
  ],
  stytch: (tenant) => stytch({ ...app, projectId: tenant, domain: `${tenant}.customers.stytch.com` }),
  supabase: (tenant) => supabase({ ...app, url: `https://${tenant}.supabase.co` }),
  workos: (tenant) => workos({ ...app, domain: `${tenant}.authkit.app` }),
  zitadel: (tenant) => zitadel({ ...app, url: `https://${tenant}.zitadel.cloud` }),
}

test.each(Object.entries(deployments))(
  'CN10 account linking: the same user id at two tenants is two subjects: %s',
  (_, make) => {
    const [one, other] = (['a', 'b'] as const).map((tenant) => {
      const [provider, claims] = [make(tenant), {}].flat() as [Provider, Record<string, unknown>]
      return subjectAt(provider, claims)
    })
    expect(one).toMatch(/\b1$/)
    expect(one).not.toBe(other)
  },
)

test('Slack: both ways to sign in give the same subject', () => {
  for (const userTokens of [false, true])
    expect(subjectAt(slack({ ...app, teamId: 'T1', userTokens }), slackClaims('T1'))).toBe(
      'https://slack.com|T1:1',
    )
})

const profile = (signIn: Partial<SignInProfile>): { provider: Partial<Provider> } => ({
  provider: { signIn: { name: 'Acme', protocol: 'oidc', revocationEndsAll: false, ...signIn } },
})

describe('a tenant before the id', () => {
  const options = profile({ subjectTenantClaim: 'org.id' })

  test('is part of the subject', async () => {
    const world = new UpstreamWorld(options)
    world.idp.login({ ...alice, org: { id: 'o1' } })
    const { access_token: token } = await world.tokens(await world.signIn())
    expect(await world.rig.call(token)).toBe(200)
    expect(world.rig.seen[0]!.subject).toBe('https://id.acme.test|o1:alice-1')
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['with the separator, which could be read in two ways', 'o1:x'],
    ['a number in an ID token', 1],
    ['too long with the id', 'o'.repeat(255)],
  ])('account linking: the tenant is %s', async (_, id) => {
    const world = new UpstreamWorld(options)
    world.idp.login({ ...alice, org: { id } })
    expectRedirect(await world.signIn(), 'server_error')
  })
})

test('OpenID Connect Core §2: `sub` is a string, so a number names no user', async () => {
  for (const signIn of [{}, { protocol: 'oidc', subjectClaim: 'uid' }] as const) {
    const world = new UpstreamWorld(profile(signIn))
    world.idp.login({ ...alice, sub: 12, uid: 12 })
    expectRedirect(await world.signIn(), 'server_error')
  }
})

describe('an address that users or administrators write', () => {
  const user = { sub: '1', email: 'admin@victim.test', email_verified: true, name: 'N' }
  const emailAt = (provider: Provider): string | undefined => {
    const upstream = resolveUpstream(provider, { admit: () => true })
    return toUser({ upstream } as Remote, { issuer: provider.issuer, claims: user }, 'token').email
  }

  test.each<[string, Provider]>([
    ['entra, one tenant', entra({ ...app, tenantId: guid('a') })],
    ['entra, any tenant', entra({ ...app, tenantId: 'common', tenants: 'any' })],
    ['authentik', authentik({ ...app, url: 'https://id.test', slug: 'a' })],
  ])('nOAuth, account linking: is never taken for verified: %s', (_, provider) => {
    expect(emailAt(provider)).toBeUndefined()
  })

  test('is verified if the provider verifies it', () => {
    expect(emailAt(auth0({ ...app, domain: 'a.auth0.com' }))).toBe(user.email)
  })

  test('is not shown as a name either', async () => {
    const names: (string | undefined)[] = []
    const world = new UpstreamWorld({
      ...profile({ emailVerified: 'never', nameClaims: ['email'] }),
      options: { admit: ({ name }) => names.push(name) > 0 },
    })
    await world.signIn()
    expect(names).toEqual([undefined])
  })
})
