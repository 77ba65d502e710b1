import { describe, expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import { randomToken } from '../../src/lib/random.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import {
  answered,
  basic,
  clients,
  confidentialSecret,
  ok,
  refusal,
  RES_A,
  RES_B,
  resources,
  Rig,
} from '../support/as.ts'

const secretA = 'introspection secret of resource A, rotated'
const oldSecretA = 'introspection secret of resource A, earlier'
const secretB = 'introspection secret of the other resource'
const server = (
  accessTokens: 'jwt' | 'opaque' = 'jwt',
  options: Partial<AuthorizationServerOptions> = {},
): Rig =>
  new Rig({
    resources: {
      [RES_A]: { ...resources[RES_A]!, accessTokens, introspectionSecret: [secretA, oldSecretA] },
      [RES_B]: { ...resources[RES_B]!, accessTokens, introspectionSecret: secretB },
    },
    ...options,
  })

const introspect = (
  rig: Rig,
  form: Record<string, string>,
  headers: Record<string, string> = basic(RES_A, secretA),
): Promise<Response> => rig.post(form, { url: rig.path('introspect'), headers })

/** The answer, which has to be a 200 with `no-store`. */
async function answer(response: Response): Promise<Record<string, unknown>> {
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('content-type')).toBe('application/json')
  return (await response.json()) as Record<string, unknown>
}

const inactive = { active: false }

describe.each(['jwt', 'opaque'] as const)('%s', (accessTokens) => {
  test('IN2 an active token, asked about by its resource server', async () => {
    const r = server(accessTokens)
    const tokens = await r.tokens('pub', {
      props: { login: 'octocat' },
      upstream: { accessToken: 'upstream-token' },
      authTime: r.now - 10.5,
      acr: 'mfa',
    })
    const expected = {
      active: true,
      token_type: 'Bearer',
      iss: r.issuer,
      aud: RES_A,
      sub: 'alice',
      client_id: 'pub',
      scope: 'notes:read notes:write',
      iat: r.now,
      exp: r.now + 900,
      jti: expect.stringContaining(tokens.grantId) as string,
      auth_time: r.now - 11,
      acr: 'mfa',
    }
    const form = { token: tokens.access_token, token_type_hint: 'refresh_token' }
    expect(await answer(await introspect(r, form))).toEqual(expected)
    expect(await answer(await introspect(r, form, basic(RES_A, oldSecretA)))).toEqual(expected)
    const inBody = { ...form, client_id: RES_A, client_secret: secretA }
    expect(await answer(await introspect(r, inBody, {}))).toEqual(expected)
  })

  test('IN2 CN11 by a resource server outside aud: inactive', async () => {
    const r = server(accessTokens)
    const { access_token: token } = await r.tokens()
    expect(await answer(await introspect(r, { token }, basic(RES_B, secretB)))).toEqual(inactive)
    const both = await r.tokens('pub', { resources: [RES_B, RES_A] })
    const forB = { token: both.access_token }
    expect(await answer(await introspect(r, forB))).toEqual(inactive)
    expect(await answer(await introspect(r, forB, basic(RES_B, secretB)))).toMatchObject({ aud: RES_B })
  })

  test('IN2 a pre-registered confidential client sees its own tokens, no others', async () => {
    const r = server(accessTokens)
    const approved = await r.approve('either')
    const form = { grant_type: 'authorization_code', code: approved.code, code_verifier: approved.verifier }
    const own = await ok(await r.post(form, { headers: basic('either', confidentialSecret) }))
    const others = await r.tokens()
    const asked = basic('either', confidentialSecret)
    expect(await answer(await introspect(r, { token: own.access_token }, asked))).toMatchObject({
      active: true,
      client_id: 'either',
    })
    expect(await answer(await introspect(r, { token: others.access_token }, asked))).toEqual(inactive)
  })

  test('IN2 refresh token, code, unknown, malformed, of another issuer, expired: exactly inactive', async () => {
    const r = server(accessTokens)
    const tokens = await r.tokens()
    const { code } = await r.approve('pub')
    const elsewhere = await server(accessTokens, { issuer: 'https://other.test' }).tokens()
    const worthless = [
      tokens.refresh_token,
      code,
      'x',
      randomToken(40),
      `tga_${randomToken(40)}`,
      `${tokens.access_token.slice(0, -4)}AAAA`,
      elsewhere.access_token,
    ]
    for (const token of worthless)
      expect(await answer(await introspect(r, { token })), token).toEqual(inactive)
    r.now += 899
    expect(await answer(await introspect(r, { token: tokens.access_token }))).toMatchObject({ active: true })
    r.now += 1
    expect(await answer(await introspect(r, { token: tokens.access_token }))).toEqual(inactive)
  })

  test('IN2 G25 TK18 revoked by itself, with its grant, by a blocked client, by revokeAll: inactive at once', async () => {
    const r = server(accessTokens)
    const state = async (token: string): Promise<unknown> =>
      (await answer(await introspect(r, { token })))['active']
    const single = await r.tokens()
    await r.post({ client_id: 'pub', token: single.access_token }, { url: r.path('revoke') })
    expect(await state(single.access_token)).toBe(false)
    const second = await ok(await r.refresh(single.refresh_token))
    expect(await state(second.access_token)).toBe(true)
    await r.as.grants.revoke('alice')
    expect(await state(second.access_token)).toBe(false)
    const third = await r.tokens()
    await r.as.clients.block('pub')
    expect(await state(third.access_token)).toBe(false)
    const fourth = await r.tokens('pub2')
    expect(await state(fourth.access_token)).toBe(true)
    await r.as.revokeAll()
    expect(await state(fourth.access_token)).toBe(false)
  })

  test('G25 G26 our own introspection verifier at a guard elsewhere', async () => {
    const r = server(accessTokens)
    const guard = createResourceServer({
      resource: RES_A,
      clock: () => r.now,
      fetch: async (input, init) => answered(r.as.handle(new Request(input, init))),
      authorizationServers: [
        introspectionVerifier(
          { issuer: r.issuer, endpoint: r.path('introspect') },
          { authentication: { method: 'client_secret_basic', clientId: RES_A, clientSecret: secretA } },
        ),
      ],
    }).protect((_, auth) => Response.json(auth.subject))
    const tokens = await r.tokens()
    expect(await r.call(tokens.access_token, guard)).toBe(200)
    expect(await r.call(`${tokens.access_token.slice(0, -4)}AAAA`, guard)).toBe(401)
    await r.post({ client_id: 'pub', token: tokens.refresh_token }, { url: r.path('revoke') })
    r.now += 60
    expect(await r.call(tokens.access_token, guard)).toBe(401)
  })
})

describe('who may ask', () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['no authentication', {}, {}],
    ['a public client', { client_id: 'pub' }, {}],
    ['a random bearer', {}, { authorization: `Bearer ${randomToken()}` }],
    ['a bad secret', {}, basic(RES_A, 'wrong')],
    ['the secret of another resource', {}, basic(RES_A, secretB)],
    ['no secret', { client_id: RES_A }, {}],
    ['an unknown resource', {}, basic('https://mcp.test/c', secretA)],
  ])('IN1 %s: 401 with a challenge', async (_, form, headers) => {
    const r = server()
    const { access_token: token } = await r.tokens()
    const response = await introspect(r, { token, ...form }, headers)
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect(await refusal(response)).toBe('401 invalid_client')
  })

  test('IN1 the active access token itself does not authenticate', async () => {
    const r = server()
    const { access_token: token } = await r.tokens()
    expect(await refusal(await introspect(r, { token }, { authorization: `Bearer ${token}` }))).toBe(
      '401 invalid_client',
    )
  })

  test('IN1 a confidential client that registered itself, as any caller can', async () => {
    const r = server()
    const registered = (await (
      await r.register({
        redirect_uris: ['https://c.test/cb'],
        token_endpoint_auth_method: 'client_secret_basic',
      })
    ).json()) as { client_id: string; client_secret: string }
    const headers = basic(registered.client_id, registered.client_secret)
    expect(await refusal(await introspect(r, { token: 'x' }, headers))).toBe('401 invalid_client')
  })

  test('IN1 CA1 a resource server that does not form-encode its id', async () => {
    const r = server()
    const { access_token: token } = await r.tokens()
    const raw = (secret: string): Record<string, string> => ({
      authorization: `Basic ${btoa(`${RES_A}:${secret}`)}`,
    })
    expect((await answer(await introspect(r, { token }, raw(secretA))))['active']).toBe(true)
    expect(await refusal(await introspect(r, { token }, raw('guess')))).toBe('401 invalid_client')
  })

  test('IN1 GET, token in the query, no token, token twice', async () => {
    const r = server()
    const { access_token: token } = await r.tokens()
    const get = await r.get(`${r.path('introspect')}?token=${token}`, { headers: basic(RES_A, secretA) })
    expect(get!.status).toBe(405)
    expect(get!.headers.get('allow')).toBe('POST, OPTIONS')
    const url = `${r.path('introspect')}?token=${token}`
    expect(await refusal(await r.post({}, { url, headers: basic(RES_A, secretA) }))).toBe(
      '400 invalid_request',
    )
    expect(await refusal(await introspect(r, { token: '' }))).toBe('400 invalid_request')
    const twice = `token=${token}&token=${token}`
    const repeated = await r.post(twice, { url: r.path('introspect'), headers: basic(RES_A, secretA) })
    expect(await refusal(repeated)).toBe('400 invalid_request')
  })

  test('IN1 RL1 200 guesses at the secret: 429 with Retry-After; the other resource server is served', async () => {
    const r = server()
    const statuses: number[] = []
    for (let i = 0; i < 200; i++) {
      const response = await introspect(r, { token: 'x' }, basic(RES_A, `guess ${i}`))
      statuses.push(response.status)
      if (response.status === 429) expect(response.headers.get('retry-after')).toBe('60')
    }
    expect(statuses.filter((each) => each === 401)).toHaveLength(60)
    expect(statuses.filter((each) => each === 429)).toHaveLength(140)
    expect((await introspect(r, { token: 'x' }, basic(RES_B, secretB))).status).toBe(200)
    r.now += 60
    expect((await introspect(r, { token: 'x' })).status).toBe(200)
  })

  test('IN1 RL1 200 guesses without a secret to be shut out of: 429 too; a resource server behind the same address is served', async () => {
    const r = server('jwt', { clientAddress: () => '192.0.2.1' })
    const { access_token: token } = await r.tokens()
    const guesses: ((i: number) => Promise<Response>)[] = [
      (i) => introspect(r, { token: 'x' }, { authorization: `Bearer guess-${i}` }),
      () => introspect(r, { token: 'x' }, {}),
      () => introspect(r, { token: 'x', client_id: 'pub' }, {}),
    ]
    for (const guess of guesses) {
      const statuses: number[] = []
      for (let i = 0; i < 200; i++) statuses.push((await guess(i)).status)
      expect(statuses.filter((each) => each === 401)).toHaveLength(60)
      expect(statuses.filter((each) => each === 429)).toHaveLength(140)
      expect((await (await introspect(r, { token })).json()).active).toBe(true)
      r.now += 60
    }
  })

  test('ST4 IN2 the store is down: 503, neither active nor inactive', async () => {
    const r = server()
    const { access_token: token } = await r.tokens()
    r.store.before = () => {
      throw new Error('down')
    }
    const response = await introspect(r, { token })
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refusal(response)).toBe('503 temporarily_unavailable')
  })

  test('IN1 a resource server gets no code, no token and no authorization page', async () => {
    const r = server()
    const page = await r.get(
      `${r.path('authorize')}?response_type=code&client_id=${encodeURIComponent(RES_A)}`,
    )
    expect(page!.status).toBe(400)
    expect(page!.headers.get('location')).toBeNull()
    const form = { grant_type: 'refresh_token', refresh_token: 'x' }
    expect(await refusal(await r.post(form, { headers: basic(RES_A, secretA) }))).toBe(
      '400 unauthorized_client',
    )
  })
})

test('MD2 the endpoint exists only if a client may introspect', async () => {
  const metadata = async (r: Rig): Promise<unknown> =>
    (await r.get(`${r.issuer}/.well-known/oauth-authorization-server`))!.json()
  expect(await metadata(server())).toMatchObject({
    introspection_endpoint: 'https://as.test/introspect',
    introspection_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
  })
  const publicOnly = new Rig({ clients: clients.filter((each) => !('client_secret' in each)) })
  expect(await metadata(publicOnly)).not.toHaveProperty('introspection_endpoint')
  expect(await publicOnly.get(publicOnly.path('introspect'), { method: 'POST' })).toBeUndefined()
})

test('a secret that is too short, or an id that is taken: ConfigurationError', () => {
  const withSecret = (introspectionSecret: unknown): Partial<AuthorizationServerOptions> => ({
    resources: { [RES_A]: { ...resources[RES_A]!, introspectionSecret: introspectionSecret as string } },
  })
  for (const wrong of ['short', ['short'], 7, [7]])
    expect(() => new Rig(withSecret(wrong))).toThrow('introspectionSecret')
  const taken = [{ client_id: RES_A, redirect_uris: ['https://c.test/cb'] }]
  expect(() => new Rig({ ...withSecret(secretA), clients: taken })).toThrow('id of a resource server')
})
