// What the doctor finds beyond the metadata: kinds of tokens before the first one, rules that protect nothing, a foreign issuer.
import { expect, test } from 'vitest'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { deploymentFindings } from '../../src/doctor/doctor.ts'
import { knownIssuers } from '../../src/doctor/providers.ts'
import { createResourceServer } from '../../src/index.ts'
import { auth0 } from '../../src/provider/auth0.ts'
import { authentik } from '../../src/provider/authentik.ts'
import { clerk } from '../../src/provider/clerk.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { descope } from '../../src/provider/descope.ts'
import { discord } from '../../src/provider/discord.ts'
import { entra } from '../../src/provider/entra.ts'
import { github } from '../../src/provider/github.ts'
import { gitlab } from '../../src/provider/gitlab.ts'
import { google } from '../../src/provider/google.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { kinde } from '../../src/provider/kinde.ts'
import { okta } from '../../src/provider/okta.ts'
import { ory } from '../../src/provider/ory.ts'
import { ping } from '../../src/provider/ping.ts'
import { scalekit } from '../../src/provider/scalekit.ts'
import { stytch } from '../../src/provider/stytch.ts'
import { supabase } from '../../src/provider/supabase.ts'
import { workos } from '../../src/provider/workos.ts'
import { zitadel } from '../../src/provider/zitadel.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Fetch, Finding } from '../../src/types.ts'

const resource = 'https://mcp.test/mcp'
const nothing: Fetch = async () => new Response('not here', { status: 404 })
const codes = (findings: Finding[]): string[] => findings.map(({ code }) => code)

const presets = [
  auth0({ domain: 'tenant.eu.auth0.com' }),
  clerk({ domain: 'verb-noun-1.clerk.accounts.dev' }),
  cognito({ region: 'eu-central-1', userPoolId: 'eu-central-1_AbC123', clientId: 'abc' }),
  descope({ projectId: 'P2abc' }),
  discord({ clientId: '1' }),
  entra({ tenantId: '00000000-0000-0000-0000-000000000001', clientId: 'abc' }),
  github({ clientId: '1', clientSecret: 's' }),
  google({ clientId: '1' }),
  keycloak({ url: 'https://sso.test', realm: 'notes' }),
  okta({ domain: 'example.okta.com' }),
  scalekit({ environmentUrl: 'https://example.scalekit.com', resourceId: 'res_1' }),
  stytch({ domain: 'example.customers.stytch.com', projectId: 'project-test-1' }),
  supabase({ url: 'https://ref.supabase.co' }),
  workos({ domain: 'example.authkit.app' }),
  gitlab({ clientId: 'abc' }),
  authentik({ url: 'https://sso.test', slug: 'notes', clientId: 'abc' }),
  zitadel({ url: 'https://example.zitadel.cloud', projectId: '1' }),
  ory({ url: 'https://example.projects.oryapis.com' }),
  ping({ environmentId: '00000000-0000-0000-0000-000000000001' }),
  kinde({ domain: 'example.kinde.com' }),
]

test.each(presets.map(({ provider, issuer }) => [provider, issuer]))(
  'U6 the issuer of %s as a bare URL: says before the first token that the preset is needed',
  async (provider, issuer) => {
    const rs = createResourceServer({ resource, authorizationServers: [issuer], fetch: nothing })
    const found = (await deploymentFindings(rs)).filter(({ code }) => code === 'tokens.needs-preset')
    expect(found).toMatchObject([
      { level: 'warning', url: issuer, fix: expect.stringContaining(`tollgate/provider/${provider}`) },
    ])
  },
)

test('U6 no preset is asked for if one is there, nor for an issuer that nobody knows', async () => {
  for (const server of [presets[0]!, 'https://login.example.test'] as const) {
    const rs = createResourceServer({ resource, authorizationServers: [server], fetch: nothing })
    expect(codes(await deploymentFindings(rs))).not.toContain('tokens.needs-preset')
  }
})

test('the presets whose issuers can be told by their form are known', () => {
  expect(knownIssuers.map(([, preset]) => preset).sort()).toEqual(
    presets.map(({ provider }) => provider).sort(),
  )
})

test('U6 an issuer without key set and with introspection: the tokens will be opaque', async () => {
  const issuer = 'https://login.example.test'
  const document = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    introspection_endpoint: `${issuer}/introspect`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
  const answers: Fetch = async (input) =>
    String(input).includes('oauth-authorization-server') ? Response.json(document) : nothing(input)
  const rs = createResourceServer({ resource, authorizationServers: [issuer], fetch: answers })
  const found = (await deploymentFindings(rs)).find(({ code }) => code === 'metadata.no-keys')!
  expect(found.message).toContain('will be opaque')
  expect(found.fix).toContain('introspectionVerifier')
})

test('U1 a rule that matches nothing that is registered', async () => {
  const rs = createResourceServer({
    resource,
    authorizationServers: ['https://login.example.test'],
    fetch: nothing,
  })
  const rules = operationScopes({
    'tools/call': { write_note: ['notes:write'], delete_nte: ['notes:write'] },
  })
  const operations = { rules, tools: ['write_note', 'delete_note'] }
  const found = (await deploymentFindings(rs, undefined, { operations })).filter(({ code }) =>
    code.startsWith('operations.'),
  )
  expect(found).toMatchObject([{ level: 'error', code: 'operations.unmatched-rule' }])
  expect(found[0]!.message).toContain('tools/call delete_nte')
})

test('the issuer of the embedded server is answered by another one', async () => {
  const issuer = 'https://mcp.test'
  const as = createAuthorizationServer({
    issuer,
    secret: 'a secret of thirty-two bytes or more, for tests',
    store: memoryStore(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
    signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
  })
  let change: object = {}
  const answers: Fetch = async (input, init) => {
    const own = await as.handle(new Request(input, init))
    if (own === undefined) return nothing(input)
    if (!String(input).includes('oauth-authorization-server')) return own
    return Response.json({ ...((await own.json()) as object), ...change })
  }
  const rs = createResourceServer({ resource, authorizationServers: [as], fetch: answers })
  expect(codes(await deploymentFindings(rs, as))).toEqual(['resource.metadata-unreachable'])
  change = { token_endpoint: 'https://mcp.test/other/token' }
  expect(codes(await deploymentFindings(rs, as))).toContain('metadata.foreign')
})

test.each<[what: string, args: unknown[], message: string]>([
  [
    'options in the place of the server',
    [{ operations: {} }],
    '`as` must be what createAuthorizationServer()',
  ],
  [
    'rules without their names',
    [undefined, { operations: operationScopes({}) }],
    '`operations` must be an object such as',
  ],
  ['no object', [undefined, null], 'must be an object'],
  ['a misspelt option', [undefined, { operation: 1 }], 'did you mean "operations"'],
])('U13 wrong arguments: %s', async (_, args, message) => {
  const rs = createResourceServer({
    resource,
    authorizationServers: ['https://login.example.test'],
    fetch: nothing,
  })
  await expect(deploymentFindings(rs, ...(args as []))).rejects.toThrow(message)
})

test('U5 what cannot be read is named, with what came', async () => {
  const issuer = 'https://login.example.test'
  const failing: Fetch = async (input) =>
    new Response('', { status: String(input).includes('login') ? 502 : 404 })
  for (const [answer, text] of [
    [failing, 'status 502'],
    [async () => Promise.reject(new Error('refused')), 'no answer'],
  ] as const) {
    const rs = createResourceServer({ resource, authorizationServers: [issuer], fetch: answer })
    const found = (await deploymentFindings(rs)).find(({ code }) => code === 'metadata.unreachable')!
    expect(found.message).toContain(issuer)
    expect(found.message).toContain(text)
  }
})

test('what is not a resource server is refused', async () => {
  await expect(deploymentFindings({} as never)).rejects.toThrow(
    '`rs` must be what createResourceServer() returned',
  )
})
