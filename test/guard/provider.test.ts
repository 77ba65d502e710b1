import * as v from 'valibot'
import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { createResourceServer } from '../../src/index.ts'
import { auth0 } from '../../src/provider/auth0.ts'
import { authentik } from '../../src/provider/authentik.ts'
import { betterAuth } from '../../src/provider/better-auth.ts'
import { clerk } from '../../src/provider/clerk.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { descope } from '../../src/provider/descope.ts'
import { discord } from '../../src/provider/discord.ts'
import { entra } from '../../src/provider/entra.ts'
import { fusionauth } from '../../src/provider/fusionauth.ts'
import { github } from '../../src/provider/github.ts'
import { gitlab } from '../../src/provider/gitlab.ts'
import { google } from '../../src/provider/google.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { kinde } from '../../src/provider/kinde.ts'
import { logto } from '../../src/provider/logto.ts'
import { oauth2 } from '../../src/provider/oauth2.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { okta } from '../../src/provider/okta.ts'
import { ory } from '../../src/provider/ory.ts'
import { ping } from '../../src/provider/ping.ts'
import { propelauth } from '../../src/provider/propelauth.ts'
import { scalekit } from '../../src/provider/scalekit.ts'
import { slack } from '../../src/provider/slack.ts'
import { stytch } from '../../src/provider/stytch.ts'
import { supabase } from '../../src/provider/supabase.ts'
import { workos } from '../../src/provider/workos.ts'
import { zitadel } from '../../src/provider/zitadel.ts'
import type { Provider } from '../../src/types.ts'

const tenantId = '11111111-2222-3333-4444-555555555555'
const endpoints = {
  issuer: 'https://as.test',
  authorizationEndpoint: 'https://as.test/authorize',
  tokenEndpoint: 'https://as.test/token',
  userinfoEndpoint: 'https://api.as.test/me',
}

// What each provider writes and serves, taken from its documentation and not from the preset.
const documented: [preset: Provider, issuer: string, keys: string | undefined, opaque: string | undefined][] =
  [
    [
      auth0({ domain: 't.eu.auth0.com' }),
      'https://t.eu.auth0.com/',
      'https://t.eu.auth0.com/.well-known/jwks.json',
      undefined,
    ],
    [
      okta({ domain: 'o.okta.com', authorizationServerId: 'aus1' }),
      'https://o.okta.com/oauth2/aus1',
      'https://o.okta.com/oauth2/aus1/v1/keys',
      'https://o.okta.com/oauth2/aus1/v1/introspect',
    ],
    [
      cognito({ region: 'us-gov-west-1', userPoolId: 'us-gov-west-1_Ab1', clientId: 'c' }),
      'https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1',
      'https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1/.well-known/jwks.json',
      undefined,
    ],
    [
      entra({ tenantId, clientId: 'c' }),
      `https://login.microsoftonline.com/${tenantId}/v2.0`,
      `https://login.microsoftonline.com/${tenantId}/discovery/v2.0/keys`,
      undefined,
    ],
    [
      google({ clientId: 'c' }),
      'https://accounts.google.com',
      undefined,
      'https://oauth2.googleapis.com/tokeninfo',
    ],
    [
      github({ clientId: 'Iv1.c', clientSecret: 's' }),
      'https://github.com/login/oauth',
      undefined,
      'https://api.github.com/applications/Iv1.c/token',
    ],
    [
      keycloak({ url: 'https://id.test/auth/', realm: 'r' }),
      'https://id.test/auth/realms/r',
      'https://id.test/auth/realms/r/protocol/openid-connect/certs',
      'https://id.test/auth/realms/r/protocol/openid-connect/token/introspect',
    ],
    [
      github({ clientId: 'c', clientSecret: 's', host: 'github.example.com' }),
      'https://github.example.com/login/oauth',
      undefined,
      'https://github.example.com/api/v3/applications/c/token',
    ],
    [
      github({ clientId: 'c', clientSecret: 's', host: 'example.ghe.com' }),
      'https://example.ghe.com/login/oauth',
      undefined,
      'https://api.example.ghe.com/applications/c/token',
    ],
    [oidc({ issuer: 'https://as.test/' }), 'https://as.test/', undefined, undefined],
    [
      oauth2({ ...endpoints, introspectionEndpoint: 'https://as.test/i' }),
      'https://as.test',
      undefined,
      'https://as.test/i',
    ],
    [
      entra({ tenantId: 'organizations', tenants: [tenantId], clientId: 'c' }),
      'https://login.microsoftonline.com/organizations/v2.0',
      undefined,
      undefined,
    ],
    [
      oidc({
        issuer: 'http://127.0.0.1:9000',
        jwksUri: 'http://127.0.0.1:9000/k',
        introspectionEndpoint: 'http://127.0.0.1:9000/i',
      }),
      'http://127.0.0.1:9000',
      'http://127.0.0.1:9000/k',
      'http://127.0.0.1:9000/i',
    ],
    [
      workos({ domain: 'x.authkit.app' }),
      'https://x.authkit.app',
      'https://x.authkit.app/oauth2/jwks',
      undefined,
    ],
    [
      descope({ projectId: 'P1', mcpServerId: 'M1' }),
      'https://api.descope.com/v1/apps/agentic/P1/M1',
      'https://api.descope.com/P1/.well-known/jwks.json',
      undefined,
    ],
    [
      descope({ projectId: 'P1', baseUrl: 'https://auth.test' }),
      'https://auth.test/v1/apps/P1',
      'https://auth.test/P1/.well-known/jwks.json',
      undefined,
    ],
    [
      scalekit({ environmentUrl: 'https://e.scalekit.com', resourceId: 'res_1' }),
      'https://e.scalekit.com/resources/res_1',
      'https://e.scalekit.com/keys',
      undefined,
    ],
    [
      supabase({ url: 'https://p.supabase.co' }),
      'https://p.supabase.co/auth/v1',
      'https://p.supabase.co/auth/v1/.well-known/jwks.json',
      undefined,
    ],
    [
      clerk({ domain: 'x.clerk.accounts.dev', clientId: 'c' }),
      'https://x.clerk.accounts.dev',
      'https://x.clerk.accounts.dev/.well-known/jwks.json',
      'https://x.clerk.accounts.dev/oauth/token_info',
    ],
    [
      stytch({ projectId: 'project-live-1', domain: 'x.customers.stytch.com' }),
      'https://x.customers.stytch.com',
      'https://x.customers.stytch.com/.well-known/jwks.json',
      undefined,
    ],
    [discord({ clientId: '123' }), 'https://discord.com', undefined, 'https://discord.com/api/oauth2/@me'],
    [gitlab({ clientId: 'c' }), 'https://gitlab.com', undefined, 'https://gitlab.com/oauth/introspect'],
    [
      gitlab({ clientId: 'c', url: 'https://git.test/' }),
      'https://git.test',
      undefined,
      'https://git.test/oauth/introspect',
    ],
    [
      betterAuth({ url: 'https://app.test/api/auth' }),
      'https://app.test/api/auth',
      'https://app.test/api/auth/jwks',
      'https://app.test/api/auth/oauth2/introspect',
    ],
    [
      propelauth({ authUrl: 'https://auth.test' }),
      'https://auth.test/oauth/2.1',
      undefined,
      'https://auth.test/oauth/2.1/introspect',
    ],
    [
      authentik({ url: 'https://id.test', slug: 'notes', clientId: 'c' }),
      'https://id.test/application/o/notes/',
      undefined,
      'https://id.test/application/o/introspect/',
    ],
    [
      zitadel({ url: 'https://x.zitadel.cloud', projectId: '1' }),
      'https://x.zitadel.cloud',
      undefined,
      'https://x.zitadel.cloud/oauth/v2/introspect',
    ],
    [zitadel({ url: 'https://x.zitadel.cloud' }), 'https://x.zitadel.cloud', undefined, undefined],
    [
      ory({ url: 'https://x.projects.oryapis.com' }),
      'https://x.projects.oryapis.com',
      undefined,
      'https://x.projects.oryapis.com/admin/oauth2/introspect',
    ],
    [
      logto({ url: 'https://x.logto.app' }),
      'https://x.logto.app/oidc',
      'https://x.logto.app/oidc/jwks',
      undefined,
    ],
    [
      ping({ environmentId: tenantId, domain: 'auth.pingone.eu' }),
      `https://auth.pingone.eu/${tenantId}/as`,
      `https://auth.pingone.eu/${tenantId}/as/jwks`,
      `https://auth.pingone.eu/${tenantId}/as/introspect`,
    ],
    [fusionauth({ url: 'https://auth.test', tenantId: 't' }), 'https://auth.test', undefined, undefined],
    [
      kinde({ domain: 'x.kinde.com' }),
      'https://x.kinde.com',
      'https://x.kinde.com/.well-known/jwks',
      undefined,
    ],
    [slack({ clientId: 'c', clientSecret: 's', teamId: 'T1' }), 'https://slack.com', undefined, undefined],
    [
      slack({ clientId: 'c', clientSecret: 's', teamId: 'T1', userTokens: true }),
      'https://slack.com',
      undefined,
      undefined,
    ],
    [scalekit({ environmentUrl: 'https://e.scalekit.com' }), 'https://e.scalekit.com', undefined, undefined],
    [
      entra({ tenantId, clientId: 'c', cloud: 'external' }),
      `https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`,
      `https://${tenantId}.ciamlogin.com/${tenantId}/discovery/v2.0/keys`,
      undefined,
    ],
  ]

test.each(documented)(
  'the issuer and endpoints are the documented ones: $provider',
  (preset, issuer, keys, opaque) => {
    expect([preset.issuer, preset.jwt?.jwksUri, preset.opaque?.endpoint]).toEqual([issuer, keys, opaque])
  },
)

const text = v.pipe(v.string(), v.nonEmpty())
const texts = v.pipe(v.array(text), v.nonEmpty())
const asymmetric = v.array(v.pipe(v.string(), v.regex(/^([RPE]S(256|384|512)|EdDSA)$/)))
const url = v.pipe(v.string(), v.url())
const audience = v.union([
  v.literal('resource'),
  v.strictObject({ aud: texts }),
  v.strictObject({ claim: v.string(), equals: texts, aud: v.optional(texts) }),
])
const shared = {
  issuer: url,
  audience: v.optional(audience),
  scopeClaims: v.optional(texts),
  clientIdClaims: v.optional(texts),
}
const schema = v.strictObject({
  provider: v.pipe(v.string(), v.regex(/^[a-z0-9-]+$/)),
  issuer: url,
  clientId: v.optional(text),
  jwt: v.optional(
    v.strictObject({
      ...shared,
      alsoIssuers: v.optional(texts),
      alsoTypes: v.optional(texts),
      jwksUri: v.optional(url),
      // No symmetric algorithm beside a key set.
      algorithms: v.optional(asymmetric),
      strictAudience: v.optional(v.boolean()),
      typ: v.optional(v.picklist(['at+jwt', 'jwt'])),
      requiredClaims: v.optional(v.record(v.string(), v.string())),
      anyOfClaims: v.optional(texts),
    }),
  ),
  opaque: v.optional(
    v.strictObject({
      ...shared,
      endpoint: url,
      style: v.optional(
        v.picklist(['google-tokeninfo', 'github-check-token', 'discord-me', 'clerk-token-info']),
      ),
    }),
  ),
  client: v.optional(
    v.strictObject({
      resource: v.optional(v.picklist(['omit', 'audience'])),
      assumeS256: v.optional(v.boolean()),
      endpointOrigins: v.optional(v.array(v.string())),
      tokenTypes: v.optional(texts),
      omitPrompt: v.optional(v.boolean()),
      retryRefreshWithoutResource: v.optional(v.boolean()),
      authorizationParameters: v.optional(v.record(v.string(), v.string())),
      endpoints: v.optional(
        v.strictObject({
          authorization: url,
          token: url,
          userinfo: v.optional(url),
          revocation: v.optional(url),
        }),
      ),
    }),
  ),
  passThrough: v.optional(
    v.strictObject({
      scopePrefix: v.optional(v.string()),
      sendsIssuer: v.optional(v.boolean()),
    }),
  ),
  signIn: v.optional(
    v.strictObject({
      name: text,
      protocol: v.picklist(['oidc', 'oauth2']),
      scopes: v.optional(texts),
      offlineScope: v.optional(text),
      scopeSeparator: v.optional(v.picklist([' ', ','])),
      scopeAliases: v.optional(v.record(v.string(), v.string())),
      subjectClaim: v.optional(text),
      subjectTenantClaim: v.optional(text),
      emailVerified: v.optional(v.literal('never')),
      nameClaims: v.optional(texts),
      idTokenIssuers: v.optional(texts),
      requiredClaims: v.optional(v.record(v.string(), v.union([v.string(), texts]))),
      jwksUri: v.optional(url),
      idTokenAlgorithms: v.optional(asymmetric),
      prompts: v.optional(v.array(v.picklist(['login', 'select_account', 'none']))),
      loginHintParameter: v.optional(text),
      tokenPath: v.optional(text),
      userinfoHeaders: v.optional(v.record(v.string(), v.string())),
      clientAuth: v.optional(v.picklist(['client_secret_basic', 'client_secret_post'])),
      assertionAudience: v.optional(v.literal('token_endpoint')),
      needsSecret: v.optional(v.boolean()),
      revocation: v.optional(v.picklist(['github', 'none'])),
      offlineParameters: v.optional(v.array(v.string())),
      revocationEndsAll: v.optional(v.boolean()),
      exchange: v.optional(v.picklist(['rfc8693', 'entra'])),
    }),
  ),
})

test.each(documented)(
  'a preset is data that fits the schema, and its profiles name its issuer: $provider',
  (preset) => {
    v.assert(schema, preset)
    expect(preset.jwt ?? preset.opaque ?? preset.signIn).toBeDefined()
    for (const profile of [preset.jwt, preset.opaque]) if (profile) expect(profile.issuer).toBe(preset.issuer)
    expect(structuredClone(preset)).toEqual(preset)
  },
)

/** Every URL in it, at any depth. What stands in `aud` and before scopes may be any name. */
const urlsOf = (value: unknown): string[] =>
  typeof value === 'string'
    ? value.includes('://')
      ? [value]
      : []
    : Object.entries(Object(value) as object).flatMap(([name, each]) =>
        ['audience', 'scopePrefix'].includes(name) ? [] : urlsOf(each),
      )

test.each(documented.filter(([{ issuer }]) => !issuer.startsWith('http:')))(
  'every URL of a preset is https: $provider',
  (preset) => {
    for (const each of urlsOf(preset)) expect(each).toMatch(/^https:\/\/(?!.*:\/\/)/)
  },
)

test('credentials are there, and neither printed nor serialised', () => {
  const preset = okta({ domain: 'o.okta.com', clientId: 'rs', clientSecret: 'hush-hush' })
  expect(preset.credentials).toEqual({ clientId: 'rs', clientSecret: 'hush-hush' })
  expect(JSON.stringify(preset)).not.toContain('hush-hush')
  expect(Object.keys(preset)).not.toContain('credentials')
  expect(okta({ domain: 'o.okta.com' }).credentials).toBeUndefined()
  const secret = { clientId: 'c', clientSecret: 'hush-hush' }
  const withSecret = [
    authentik({ ...secret, url: 'https://id.test', slug: 'notes' }),
    betterAuth({ ...secret, url: 'https://app.test/api/auth' }),
    discord(secret),
    entra({ ...secret, tenantId: 'consumers' }),
    fusionauth({ ...secret, url: 'https://auth.test' }),
    github(secret),
    gitlab(secret),
    kinde({ ...secret, domain: 'x.kinde.com' }),
    logto({ ...secret, url: 'https://x.logto.app' }),
    oauth2({ ...secret, ...endpoints }),
    oidc({ ...secret, issuer: 'https://as.test' }),
    ory({ ...secret, url: 'https://x.projects.oryapis.com' }),
    ping({ ...secret, environmentId: tenantId }),
    propelauth({ ...secret, authUrl: 'https://auth.test' }),
    scalekit({ ...secret, environmentUrl: 'https://e.scalekit.com' }),
    slack({ ...secret, teamId: 'T1' }),
    slack({ ...secret, teamId: 'T1', userTokens: true }),
    supabase({ ...secret, url: 'https://p.supabase.co' }),
    zitadel({ ...secret, url: 'https://x.zitadel.cloud' }),
  ]
  for (const each of withSecret) {
    expect([each.provider, each.credentials]).toEqual([each.provider, secret])
    expect(JSON.stringify(each) + Object.keys(each).join()).not.toMatch(/hush-hush|credentials/)
  }
  expect(google({ clientId: ['a', 'b'], clientSecret: 's' }).credentials?.clientId).toBe('a')
})

test('CN10 a multi-tenant preset admits the users of the tenants that it lists, and verifies no access tokens', () => {
  const other = tenantId.replace('1111', '9999')
  const listed = entra({ tenantId: 'organizations', tenants: [tenantId, other], clientId: 'c' })
  // Each tenant is an issuer of its own, so that no two tenants share a subject.
  expect(listed.signIn?.idTokenIssuers).toEqual(['https://login.microsoftonline.com/{tid}/v2.0'])
  expect(listed.signIn?.requiredClaims).toEqual({ tid: [tenantId, other] })
  expect(listed.jwt).toBeUndefined()
  expect(() =>
    createResourceServer({ resource: 'https://mcp.test', authorizationServers: [listed] }),
  ).toThrow('an issuer URL, a preset')
  const any = entra({ tenantId: 'common', tenants: 'any', clientId: 'c' })
  expect(any.signIn?.requiredClaims).toBeUndefined()
  const personal = entra({ tenantId: 'consumers', clientId: 'c' })
  expect(personal.signIn?.requiredClaims).toEqual({ tid: ['9188040d-6c67-4c5b-b112-36a304b66dad'] })
  expect(entra({ tenantId, clientId: 'c' }).signIn?.idTokenIssuers).toBeUndefined()
})

test('a client without a secret is named, with a secret it is among the credentials', () => {
  expect(oidc({ issuer: 'https://as.test', clientId: 'c' }).clientId).toBe('c')
  const confidential = oidc({ issuer: 'https://as.test', clientId: 'c', clientSecret: 's' })
  expect(confidential.clientId).toBeUndefined()
  expect(confidential.credentials).toEqual({ clientId: 'c', clientSecret: 's' })
})

test('PKCE downgrade: a secret that is named and undefined makes no public client', () => {
  const unset = { clientId: 'c', clientSecret: undefined as never }
  const presets: (() => Provider)[] = [
    () => auth0({ ...unset, domain: 'd.test' }),
    () => cognito({ ...unset, region: 'eu-central-1', userPoolId: 'eu-central-1_A' }),
    () => discord(unset),
    () => entra({ ...unset, tenantId }),
    () => google(unset),
    () => keycloak({ ...unset, url: 'https://id.test', realm: 'r' }),
    () => oauth2({ ...unset, ...endpoints }),
    () => oidc({ ...unset, issuer: 'https://as.test' }),
    () => stytch({ ...unset, projectId: 'p', domain: 'd.test' }),
  ]
  for (const each of presets)
    expect(each).toThrow(
      '`clientSecret` must be a non-empty string; got undefined. Leave it out for a public client',
    )
  // There it is required.
  expect(() => github(unset)).toThrow('`clientSecret` must be a non-empty string; it is required')
})

test('what changes between deployments changes in the data', () => {
  expect(auth0({ domain: 'd.test', audience: 'notes' }).jwt?.audience).toEqual({ aud: ['notes'] })
  expect(auth0({ domain: 'd.test', scopeClaims: ['permissions'] }).jwt?.scopeClaims).toEqual([
    'scope',
    'permissions',
  ])
  expect(okta({ domain: 'd.test' }).jwt?.audience).toEqual({ aud: ['api://default'] })
  const pool = { region: 'eu-central-1', userPoolId: 'eu-central-1_A' }
  expect(cognito({ ...pool, clientId: ['a', 'b'] }).jwt?.audience).toEqual({
    claim: 'client_id',
    equals: ['a', 'b'],
  })
  expect(cognito({ ...pool, resourceBinding: true })).toMatchObject({ jwt: { audience: 'resource' } })
  expect(cognito({ ...pool, resourceBinding: true }).client?.resource).toBeUndefined()
  expect(entra({ tenantId, clientId: 'c', audience: 'api://x', v1Tokens: true }).jwt).toMatchObject({
    audience: { aud: ['c', 'api://c', 'api://x'] },
    alsoIssuers: [`https://sts.windows.net/${tenantId}/`],
    clientIdClaims: ['azp', 'appid'],
  })
  expect(entra({ tenantId, clientId: 'c' }).jwt?.alsoIssuers).toBeUndefined()
  expect(supabase({ url: 'https://p.supabase.co', clientId: 'c' }).jwt?.audience).toEqual({
    claim: 'client_id',
    equals: ['c'],
    aud: ['authenticated'],
  })
  expect(stytch({ projectId: 'p', domain: 'd.test', audience: 'a' }).jwt?.audience).toEqual({
    aud: ['p', 'a'],
  })
})

test.each<[string, () => unknown]>([
  ['domain', () => auth0({ domain: 'https://t.auth0.com' })],
  ['domain', () => auth0({ domain: 't.auth0.com/' })],
  ['domain', () => auth0({ domain: 'T.auth0.com' })],
  ['domain', () => auth0({ domain: 'user@t.auth0.com' })],
  ['domain', () => auth0({} as never)],
  ['audience', () => auth0({ domain: 't.test', audience: '' })],
  ['audience', () => auth0({ domain: 't.test', audience: [] })],
  ['auth0.audiences', () => auth0({ domain: 't.test', audiences: 'x' } as never)],
  ['authorizationServerId', () => okta({ domain: 'o.test', authorizationServerId: '../x' })],
  ['region', () => cognito({ region: 'eu central', userPoolId: 'x_y', clientId: 'c' })],
  ['userPoolId', () => cognito({ region: 'eu-central-1', userPoolId: 'x/y', clientId: 'c' })],
  ['clientId', () => cognito({ region: 'eu-central-1', userPoolId: 'x_y' })],
  ['tenants', () => entra({ tenantId: 'common', clientId: 'c' })],
  ['tenants', () => entra({ tenantId: 'organizations', tenants: [], clientId: 'c' })],
  ['tenants', () => entra({ tenantId, tenants: 'any', clientId: 'c' })],
  ['tenants', () => entra({ tenantId: 'consumers', tenants: [tenantId], clientId: 'c' })],
  ['tenantId', () => entra({ tenantId: 'consumers', clientId: 'c', audience: 'api://x' })],
  ['tenantId', () => entra({ tenantId: 'common', tenants: 'any', clientId: 'c', v1Tokens: true })],
  ['tenantId', () => entra({ tenantId: 'consumers', clientId: 'c', cloud: 'external' })],
  ['tenants[0]', () => entra({ tenantId: 'common', tenants: ['contoso.com'], clientId: 'c' })],
  ['teamId', () => slack({ clientId: 'c', clientSecret: 's' } as never)],
  ['clientSecret', () => slack({ clientId: 'c', teamId: 'T1' } as never)],
  ['clientId', () => gitlab({} as never)],
  ['url', () => betterAuth({} as never)],
  ['authUrl', () => propelauth({} as never)],
  ['slug', () => authentik({ url: 'https://id.test', slug: 'a/b', clientId: 'c' })],
  ['clientId', () => authentik({ url: 'https://id.test', slug: 'a' } as never)],
  ['url', () => zitadel({ url: 'x.zitadel.cloud' })],
  ['url', () => ory({} as never)],
  ['url', () => logto({} as never)],
  ['environmentId', () => ping({ environmentId: 'production' })],
  ['domain', () => ping({ environmentId: tenantId, domain: 'auth.pingone.eu.evil.test/' })],
  ['url', () => fusionauth({} as never)],
  ['domain', () => kinde({ domain: 'https://x.kinde.com' })],
  ['host', () => github({ clientId: 'a', clientSecret: 's', host: 'https://github.test' })],
  ['provider', () => oidc({ issuer: 'https://as.test', provider: 'My IdP' })],
  ['userinfoEndpoint', () => oauth2({ ...endpoints, userinfoEndpoint: undefined } as never)],
  ['tokenEndpoint', () => oauth2({ ...endpoints, tokenEndpoint: 'as.test/token' })],
  ['tenantId', () => entra({ tenantId: 'contoso.onmicrosoft.com', clientId: 'c' })],
  ['clientId', () => entra({ tenantId, clientId: '' })],
  ['clientId', () => google({ clientId: [] })],
  ['clientId', () => github({ clientId: 'a/b', clientSecret: 's' })],
  ['clientSecret', () => github({ clientId: 'a' } as never)],
  ['url', () => keycloak({ url: 'ftp://id.test', realm: 'r' })],
  ['url', () => keycloak({ url: 'https://user@id.test', realm: 'r' })],
  ['url', () => keycloak({ url: 'https://id.test?x=1', realm: 'r' })],
  ['realm', () => keycloak({ url: 'https://id.test', realm: 'a/b' })],
  ['realm', () => keycloak({ url: 'https://id.test', realm: '..' })],
  ['issuer', () => oidc({ issuer: 'as.test' })],
  ['jwksUri', () => oidc({ issuer: 'https://as.test', jwksUri: 'as.test/jwks' })],
  ['algorithms[0]', () => auth0({ domain: 'd.test', algorithms: ['HS256'] })],
  ['algorithms', () => oidc({ issuer: 'https://as.test', algorithms: [] })],
  ['cloud', () => entra({ tenantId, clientId: 'c', cloud: 'mars' as never })],
  [
    'issuerType',
    () => cognito({ region: 'eu-west-1', userPoolId: 'a_b', clientId: 'c', issuerType: 'NEW' as never }),
  ],
  ['google.jwksUri', () => google({ clientId: 'c', jwksUri: 'https://k.test' } as never)],
  ['typ', () => oidc({ issuer: 'https://as.test', typ: 'JWT' as never })],
  ['clientId', () => clerk({ domain: 'x.test', clientId: '' })],
  ['clientId', () => okta({ domain: 'o.test', clientSecret: 's' })],
])('a wrong %s is refused at construction', (option, construct) => {
  expect(construct).toThrow(ConfigurationError)
  try {
    construct()
  } catch (error) {
    expect((error as ConfigurationError).option).toBe(option)
  }
})
