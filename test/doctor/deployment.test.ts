import { expect, test } from 'vitest'
import type { ResourceServerOptions } from '../../src/index.ts'
import { deploymentFindings } from '../../src/doctor/doctor.ts'
import { issuer, jwksUri, key, metadataA, resourceA, start, world, type World } from '../support/guard.ts'

const metadataUrl = `${issuer}/.well-known/oauth-authorization-server`
const complete = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
  jwks_uri: jwksUri,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  scopes_supported: ['notes:read'],
  authorization_response_iss_parameter_supported: true,
}

async function deployed(
  change: Record<string, unknown> = {},
  options: Partial<ResourceServerOptions> = {},
): Promise<World> {
  const it = await world({ options: { requiredScopes: ['notes:read'], ...options } })
  it.outside.routes.set(metadataUrl, () => Response.json({ ...complete, ...change }))
  it.outside.routes.set(metadataA, async () => (await it.rs.handle(new Request(metadataA)))!)
  return it
}

const codes = async (it: World): Promise<string[]> =>
  (await deploymentFindings(it.rs)).map(({ code }) => code)

test('deploymentFindings: nothing to find where all is well', async () => {
  expect(await deploymentFindings((await deployed()).rs)).toEqual([])
})

test.each<[code: string, level: string, change: Record<string, unknown>]>([
  ['metadata.issuer-mismatch', 'error', { issuer: `${issuer}/` }],
  ['metadata.null-member', 'error', { op_policy_uri: null }],
  ['metadata.no-endpoints', 'error', { token_endpoint: undefined }],
  ['metadata.no-code-flow', 'error', { response_types_supported: ['token'] }],
  ['metadata.no-s256', 'error', { code_challenge_methods_supported: undefined }],
  ['metadata.no-s256', 'error', { code_challenge_methods_supported: ['plain'] }],
  ['metadata.no-registration', 'warning', { registration_endpoint: undefined }],
  ['metadata.unknown-scopes', 'warning', { scopes_supported: ['openid'] }],
  ['metadata.no-iss', 'info', { authorization_response_iss_parameter_supported: undefined }],
  ['metadata.no-endpoints', 'error', { token_endpoint: 'http://as.test/token' }],
  ['metadata.no-keys', 'warning', { jwks_uri: undefined }],
  ['keys.unreachable', 'error', { jwks_uri: `${issuer}/nothing` }],
  ['keys.unreachable', 'error', { jwks_uri: 'https://10.0.0.1/jwks' }],
])('deploymentFindings: %s (%s)', async (code, level, change) => {
  const findings = await deploymentFindings((await deployed(change)).rs)
  expect(findings).toHaveLength(1)
  expect(findings[0]).toMatchObject({ code, level })
  expect(findings[0]!.fix).not.toBe('')
  expect(findings[0]!.url).toMatch(/^https:/)
})

test.each([
  [-60, 'behind'],
  [11, 'ahead of'],
])('F9 deploymentFindings: a clock that is %d s away is told', async (skew, side) => {
  const it = await deployed()
  const respond = (at: number): Response =>
    Response.json(complete, { headers: { date: new Date((start + it.elapsed + at) * 1000).toUTCString() } })
  it.outside.routes.set(metadataUrl, () => respond(skew))
  expect(await deploymentFindings(it.rs)).toMatchObject([
    {
      code: 'clock.skewed',
      level: 'warning',
      message: expect.stringContaining(`${Math.abs(skew)} s ${side} this one`),
      url: issuer,
    },
  ])
  it.outside.routes.set(metadataUrl, () => respond(Math.sign(skew) * 9))
  expect(await deploymentFindings(it.rs)).toEqual([])
})

test('U5 deploymentFindings: another issuer is told with both values', async () => {
  const [found] = await deploymentFindings((await deployed({ issuer: `${issuer}/` })).rs)
  expect(found!.message).toContain(`expected ${issuer}, got ${issuer}/`)
})

test('deploymentFindings: client id documents do instead of registration', async () => {
  const change = { registration_endpoint: undefined, client_id_metadata_document_supported: true }
  expect(await codes(await deployed(change))).toEqual([])
})

test('deploymentFindings: an issuer that is down, has no metadata, or answers with a page', async () => {
  const it = await deployed()
  it.outside.routes.set(metadataUrl, () => new Response('no', { status: 500 }))
  expect(await codes(it)).toEqual(['metadata.unreachable'])
  it.outside.routes.set(metadataUrl, () => Promise.reject(new Error('refused')))
  expect(await codes(it)).toEqual(['metadata.unreachable'])
  it.outside.routes.set(metadataUrl, () => new Response('<html>'))
  expect(await codes(it)).toEqual(['metadata.invalid'])
  it.outside.routes.delete(metadataUrl)
  expect(await codes(it)).toEqual(['metadata.missing'])
})

test('deploymentFindings: interop §1 an OpenID document lacks what the SDK’s client demands of it', async () => {
  const it = await deployed()
  it.outside.routes.delete(metadataUrl)
  const openid: Record<string, unknown> = {
    ...complete,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
  const serve = (document: object): unknown =>
    it.outside.routes.set(`${issuer}/.well-known/openid-configuration`, () => Response.json(document))
  serve(openid)
  expect(await codes(it)).toEqual([])
  for (const name of ['subject_types_supported', 'id_token_signing_alg_values_supported']) {
    serve({ ...openid, [name]: undefined })
    expect([name, await codes(it)]).toEqual([name, ['metadata.incomplete-openid']])
  }
})

test('deploymentFindings: MCP 2025-03-26 clients look at the root of the resource’s host', async () => {
  const own = 'https://mcp.test/oauth'
  const document = { ...complete, issuer: own, jwks_uri: `${own}/jwks` }
  const it = await deployed({}, { authorizationServers: [own] })
  const root = 'https://mcp.test/.well-known/oauth-authorization-server'
  it.outside.routes.set(`${root}/oauth`, () => Response.json(document))
  it.outside.routes.set(`${own}/jwks`, async () => Response.json({ keys: [(await key('k1')).jwk] }))
  expect(await deploymentFindings(it.rs)).toMatchObject([
    { level: 'info', code: 'metadata.not-at-root', url: `${root}/oauth` },
  ])
  it.outside.routes.set(root, () => Response.json(document))
  expect(await codes(it)).toEqual([])
})

test('deploymentFindings: a key set without a usable key', async () => {
  const it = await deployed()
  it.publish([{ ...(await key('k1')).jwk, use: 'enc' }])
  expect(await codes(it)).toEqual(['keys.unusable'])
})

test('deploymentFindings: the resource’s own metadata, as clients see it', async () => {
  const it = await deployed()
  it.outside.routes.delete(metadataA)
  expect(await deploymentFindings(it.rs)).toMatchObject([
    { code: 'resource.metadata-unreachable', level: 'warning', url: metadataA },
  ])
  it.outside.routes.set(metadataA, () => Response.json({ resource: 'https://other.test' }))
  expect(await codes(it)).toEqual(['resource.metadata-mismatch'])
  const slash = await deployed({}, { resource: `${resourceA}/` })
  expect(await codes(slash)).toEqual(['resource.trailing-slash'])
})
