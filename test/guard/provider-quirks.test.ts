// What single providers do, beyond what all of them share: tokens that must pass and tokens that must not, as
// their documents show them.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { createResourceServer } from '../../src/index.ts'
import { auth0 } from '../../src/provider/auth0.ts'
import { clerk } from '../../src/provider/clerk.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { descope } from '../../src/provider/descope.ts'
import { entra } from '../../src/provider/entra.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { supabase } from '../../src/provider/supabase.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { AuthInfo, AuthorizationServer, Provider } from '../../src/types.ts'

const resource = 'https://mcp.test/mcp'
const now = 1_790_000_000
const kid = 'k'
const tid = '11111111-2222-3333-4444-555555555555'

type Claims = Record<string, unknown>

const pairs = new Map<string, ReturnType<typeof generateKeyPair>>()
const pair = (alg: string): ReturnType<typeof generateKeyPair> => {
  const made = pairs.get(alg) ?? generateKeyPair(alg, { extractable: true })
  pairs.set(alg, made)
  return made
}

async function sign(claims: Claims, { typ = 'JWT', alg = 'RS256' } = {}): Promise<string> {
  const { privateKey } = await pair(alg)
  return new SignJWT({ iat: now - 10, exp: now + 3600, sub: 'alice', ...claims })
    .setProtectedHeader({ alg, kid, typ })
    .sign(privateKey)
}

interface World {
  /** Where the key set is asked for. */
  readonly keySets: string[]
  send(token: string): Promise<{ status: number; auth: AuthInfo | undefined }>
}

/** A guard that trusts this provider, and the internet as far as the provider makes it. */
function world(
  server: Provider | AuthorizationServer,
  { alg = 'RS256', answer }: { alg?: string; answer?: Claims } = {},
): World {
  const keySets: string[] = []
  let auth: AuthInfo | undefined
  const rs = createResourceServer({
    resource,
    authorizationServers: [server],
    clock: () => now,
    dangerouslyAllowHttp: ['http://keycloak:8080'],
    fetch: async (input, init) => {
      const request = new Request(input, init)
      if (request.method === 'POST') return Response.json(answer)
      keySets.push(request.url)
      const { publicKey } = await pair(alg)
      return Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }] })
    },
  })
  const handler = rs.protect((_request, found) => {
    auth = found
    return new Response('in')
  })
  return {
    keySets,
    async send(token) {
      auth = undefined
      const headers = { authorization: `Bearer ${token}` }
      const { status } = await handler(new Request(resource, { method: 'POST', headers }))
      return { status, auth }
    },
  }
}

const statuses = (all: World, tokens: readonly string[]): Promise<number[]> =>
  Promise.all(tokens.map(async (token) => (await all.send(token)).status))

const clerkIss = 'https://x.clerk.accounts.dev'
const clerkToken = (claims: Claims): Promise<string> =>
  sign({ iss: clerkIss, client_id: 'registered', jti: 'j', ...claims }, { typ: 'at+jwt' })

test('P1 Clerk: the resource in `aud` decides, for whichever client; `scp` is read', async () => {
  const there = world(clerk({ domain: 'x.clerk.accounts.dev' }))
  const { status, auth } = await there.send(await clerkToken({ aud: resource, scp: ['notes:read'] }))
  expect([status, auth?.scopes, auth?.clientId]).toEqual([200, ['notes:read'], 'registered'])
  expect(
    await statuses(there, [await clerkToken({}), await clerkToken({ aud: 'https://other.test/mcp' })]),
  ).toEqual([401, 401])
  expect(clerk({ domain: 'x.clerk.accounts.dev' }).client?.resource).toBeUndefined()
})

test('P1 Clerk: the older rule by client takes a token without `aud`, and none for another server', async () => {
  const there = world(clerk({ domain: 'x.clerk.accounts.dev', clientId: ['registered'] }))
  const tokens = [
    await clerkToken({}),
    await clerkToken({ aud: resource }),
    await clerkToken({ client_id: 'other' }),
    await clerkToken({ aud: 'https://other.test/mcp' }),
    await clerkToken({ aud: ['registered', 'https://other.test/mcp'] }),
    await clerkToken({ aud: 'HTTPS://other.test' }),
  ]
  expect(await statuses(there, tokens)).toEqual([200, 200, 401, 401, 401, 401])
})

test.each<[string, Claims, number]>([
  ['no audience', {}, 200],
  ['our resource', { aud: resource }, 200],
  ['another server', { aud: 'https://other.test/mcp' }, 401],
  ['both servers', { aud: [resource, 'https://other.test/mcp'] }, 401],
])('P1 opaque tokens under a rule by client, too: %s', async (_what, claims, expected) => {
  const answer = { active: true, token_type: 'Bearer', client_id: 'registered', sub: 'u', ...claims }
  const preset = clerk({ domain: 'x.clerk.accounts.dev', clientId: 'registered', clientSecret: 's' })
  expect((await world(introspectionVerifier(preset), { answer }).send('oat_x')).status).toBe(expected)
})

test('P2 Supabase with clients listed: an ID token, whose audience is the client, is refused', async () => {
  const there = world(supabase({ url: 'https://p.supabase.co', clientId: 'c1' }))
  const iss = 'https://p.supabase.co/auth/v1'
  const tokens = [
    await sign({ iss, aud: 'authenticated', client_id: 'c1', scope: 'email' }),
    await sign({ iss, aud: 'authenticated', client_id: 'c2', scope: 'email' }),
    await sign({ iss, aud: 'c1', client_id: 'c1', email: 'a@example.com' }),
    await sign({ iss, client_id: 'c1' }),
  ]
  expect(await statuses(there, tokens)).toEqual([200, 401, 401, 401])
})

test('P2 sibling, any provider with a fixed audience: an ID token states neither a scope nor a client', async () => {
  const iss = 'https://as.test'
  const there = world(oidc({ issuer: iss, audience: 'c1', typ: 'jwt', jwksUri: `${iss}/jwks` }))
  const tokens = [
    await sign({ iss, aud: 'c1', scope: 'notes:read' }),
    await sign({ iss, aud: 'c1', client_id: 'c1' }),
    await sign({ iss, aud: 'c1', azp: 'c1', email: 'a@example.com', auth_time: now }),
  ]
  expect(await statuses(there, tokens)).toEqual([200, 200, 401])
})

test.each([
  ['Casdoor', { tokenType: 'refresh-token' }],
  ['SimpleJWT', { token_type: 'refresh' }],
  ['others', { type: 'refresh' }],
  ['others', { use: 'refresh_token' }],
  ['others', { tokenType: 'id-token' }],
  ['Descope', { drn: 'DSR' }],
])('P2, P5 a token that says in a claim of its own that it is no access token: %s, %j', async (_, claims) => {
  const iss = 'https://as.test'
  const good = { iss, aud: resource, sub: 'u', client_id: 'c', scope: 'x' }
  const there = world(oidc({ issuer: iss, typ: 'jwt', jwksUri: `${iss}/jwks` }))
  const access = { tokenType: 'access-token', type: 'identity', drn: 'DS' }
  expect(
    await statuses(there, [await sign({ ...good, ...claims }), await sign({ ...good, ...access })]),
  ).toEqual([401, 200])
})

test('P3 Descope: tokens of the project, of its tenants and of the MCP server, and of no other issuer', async () => {
  const root = 'https://api.descope.com/v1/apps'
  for (const preset of [descope({ projectId: 'P1', mcpServerId: 'M1' }), descope({ projectId: 'P1' })]) {
    const there = world(preset)
    const own = preset.issuer
    const good = [own, `${root}/P1`, `${root}/P1/T1`]
    const bad = [
      ...[`${root}/P2`, `${root}/P1/`, `${root}/P1/T1/x`, `${root}/P1/..`, `${root}/P1x`, `${root}/P1/T1?x`],
      ...[`https://api.descope.test/v1/apps/P1`, `${root}/P1/%2e`, `${root}/agentic/P1/M2`],
    ]
    const tokens = await Promise.all([...good, ...bad].map((iss) => sign({ iss, aud: resource, scope: 'a' })))
    expect(await statuses(there, tokens)).toEqual([...good.map(() => 200), ...bad.map(() => 401)])
    expect(await statuses(there, [await sign({ iss: `${root}/P1`, aud: 'P1' })])).toEqual([401])
  }
})

test.each<[region: string, issuerType: 'ORIGINAL' | 'UPDATED']>([
  ['eu-central-1', 'ORIGINAL'],
  ['us-gov-west-1', 'UPDATED'],
  ['eusc-de-east-1', 'ORIGINAL'],
])('P4 Cognito: both forms of the issuer, in %s (%s)', async (region, issuerType) => {
  const pool = `${region}_Ab1`
  const preset = cognito({ region, userPoolId: pool, clientId: 'c', issuerType })
  const there = world(preset)
  const claims = { client_id: 'c', token_use: 'access', scope: 'notes/read' }
  const host = `cognito-idp.${region}.amazonaws.com`
  const tokens = await Promise.all(
    [
      `https://${host}/${pool}`,
      `https://issuer-${host}/${pool}`,
      `https://issuer-${host}/${region}_Other`,
    ].map((iss) => sign({ iss, ...claims })),
  )
  expect(await statuses(there, tokens)).toEqual([200, 200, 401])
  const own = issuerType === 'ORIGINAL' ? `https://${host}/${pool}` : `https://issuer-${host}/${pool}`
  expect([preset.issuer, there.keySets[0]]).toEqual([own, `${own}/.well-known/jwks.json`])
})

test.each<[string, unknown, number]>([
  ['Bearer', 'Bearer', 200],
  ['the name of the token', 'access_token', 200],
  ['a refresh token by its name', 'refresh_token', 401],
  ['a refresh token by another name', 'RefreshToken', 401],
  ['a number', 1, 401],
  ['nothing, as oidc-provider answers for refresh tokens', undefined, 401],
])('P5 introspection under a fixed audience: token_type %s', async (_what, type, expected) => {
  const preset = oidc({
    issuer: 'https://as.test',
    audience: 'api',
    introspectionEndpoint: 'https://as.test/i',
  })
  const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 's' } as const
  const answer = { active: true, aud: 'api', client_id: 'c', sub: 'u', token_type: type }
  expect((await world(introspectionVerifier(preset, { authentication }), { answer }).send('t')).status).toBe(
    expected,
  )
})

const app = 'aaaaaaaa-1111-2222-3333-444444444444'
const entraToken = (host: string, claims: Claims): Promise<string> =>
  sign({ iss: `https://${host}/${tid}/v2.0`, aud: app, azp: 'client', tid, ver: '2.0', ...claims })

test.each<['public' | 'usgov' | 'china' | 'external', string]>([
  ['public', 'login.microsoftonline.com'],
  ['usgov', 'login.microsoftonline.us'],
  ['china', 'login.partner.microsoftonline.cn'],
  ['external', `${tid}.ciamlogin.com`],
])('P8 Entra, cloud %s', async (cloud, host) => {
  const there = world(entra({ tenantId: tid, clientId: app, cloud }))
  const other =
    host === 'login.microsoftonline.com' ? 'login.microsoftonline.us' : 'login.microsoftonline.com'
  const tokens = [
    await entraToken(host, { scp: 'Notes.Read' }),
    await entraToken(host, { roles: ['Notes.Read.All'] }),
    await entraToken(host, {}),
    await entraToken(other, { scp: 'Notes.Read' }),
  ]
  expect(await statuses(there, tokens)).toEqual([200, 200, 401, 401])
  expect(there.keySets[0]).toBe(`https://${host}/${tid}/discovery/v2.0/keys`)
})

test('P8 Entra with the MCP URL as Application ID URI: clients may send `resource`', async () => {
  const preset = entra({ tenantId: tid, clientId: app, applicationIdUri: resource })
  const there = world(preset)
  const host = 'login.microsoftonline.com'
  const tokens = [
    await entraToken(host, { aud: resource, scp: 'Notes.Read' }),
    await entraToken(host, { scp: 'Notes.Read' }),
    await entraToken(host, { aud: `api://${app}`, scp: 'Notes.Read' }),
  ]
  expect(await statuses(there, tokens)).toEqual([200, 200, 401])
  expect([preset.client?.resource, entra({ tenantId: tid, clientId: app }).client?.resource]).toEqual([
    undefined,
    'omit',
  ])
})

test.each<[string, Provider, string, boolean]>([
  ['Auth0', auth0({ domain: 'd.test' }), 'PS256', true],
  ['Auth0', auth0({ domain: 'd.test' }), 'ES256', false],
  ['Keycloak', keycloak({ url: 'https://id.test', realm: 'r' }), 'ES256', true],
  ['Keycloak', keycloak({ url: 'https://id.test', realm: 'r' }), 'EdDSA', true],
  [
    'Keycloak, told so',
    keycloak({ url: 'https://id.test', realm: 'r', algorithms: ['ES256'] }),
    'RS256',
    false,
  ],
  ['Descope, told so', descope({ projectId: 'P', algorithms: ['ES256'] }), 'ES256', true],
  ['Descope', descope({ projectId: 'P' }), 'ES256', false],
])(
  'P9 %s: what the provider can be configured to sign with is accepted',
  async (_name, preset, alg, passes) => {
    const { issuer: iss } = preset
    const token = await sign({ iss, aud: resource, scope: 'a', azp: 'c', typ: 'Bearer' }, { alg })
    expect((await world(preset, { alg }).send(token)).status).toBe(passes ? 200 : 401)
  },
)

test('RC13 a preset takes an http issuer: the resource server decides, by the origins that it is allowed by name', async () => {
  const preset = keycloak({ url: 'http://keycloak:8080', realm: 'r' })
  const token = await sign({ iss: preset.issuer, aud: resource, scope: 'a', azp: 'c', typ: 'Bearer' })
  expect((await world(preset).send(token)).status).toBe(200)
  expect(() => createResourceServer({ resource, authorizationServers: [preset] })).toThrow(
    'dangerouslyAllowHttp: ["http://keycloak:8080"]',
  )
})

test('RC13 the key set may lie under another address than the issuer', async () => {
  const jwksUri = 'http://keycloak:8080/realms/r/protocol/openid-connect/certs'
  const preset = keycloak({ url: 'http://localhost:8080', realm: 'r', jwksUri })
  const there = world(preset)
  const token = await sign({ iss: 'http://localhost:8080/realms/r', aud: resource, azp: 'c', typ: 'Bearer' })
  expect((await there.send(token)).status).toBe(200)
  expect(there.keySets).toEqual([jwksUri])
  expect(() => createResourceServer({ resource, authorizationServers: [preset] })).toThrow(ConfigurationError)
})
