// auth.exchange(): a token for another API on behalf of the user, at the provider that issued the incoming token.
import { generateKeyPair } from 'jose/key/generate/keypair'
import { expect, test } from 'vitest'
import { createResourceServer, type AuthInfo, type TollgateEvent } from '../../src/index.ts'
import { entra } from '../../src/provider/entra.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import type { ExchangeTarget, Provider, UpstreamToken } from '../../src/types.ts'
import { tokenExchange, type TokenExchangeOptions } from '../../src/upstream/exchange.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'

const resource = 'https://mcp.test/mcp'
const tenantId = '11111111-2222-3333-4444-555555555555'
const clientId = 'aaaaaaaa-1111-2222-3333-444444444444'
const calendar = { resource: 'https://calendar.test', scope: 'events.read' }
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'

interface World {
  idp: UpstreamImitation
  events: TollgateEvent[]
  errors: unknown[]
  now: number
  /** What the provider answers to the next exchanges. */
  answer: (form: URLSearchParams) => Response | Promise<Response>
  authOf(token: string): Promise<AuthInfo>
  /** Of the user whose token this is. */
  exchange(token: string, target?: ExchangeTarget): Promise<UpstreamToken>
  forms(): Record<string, string>[]
}

interface Setting {
  issuer?: string
  provider?: (idp: UpstreamImitation) => Provider
  options?: TokenExchangeOptions
}

function world({ issuer, provider, options }: Setting = {}): World {
  const idp = new UpstreamImitation({ clientId, ...(issuer === undefined ? {} : { issuer }) })
  const events: TollgateEvent[] = []
  const errors: unknown[] = []
  const preset =
    provider?.(idp) ?? idp.provider({ signIn: { name: 'Acme', protocol: 'oidc', exchange: 'rfc8693' } })
  const exchange = tokenExchange(preset, options)
  // A token says whose it is: `alice.1`, `bob.1`.
  const verify = (token: string) => ({ subject: token.split('.')[0]!, clientId: 'c', scopes: [] })
  const rs = createResourceServer({
    resource,
    authorizationServers: [
      customVerifier({ issuer: idp.issuer, verify, accepts: (token) => token.includes('.') }),
      customVerifier({ issuer: 'https://other.test', verify }),
    ],
    exchange,
    fetch: idp.fetch,
    clock: () => it.now,
    onEvent: (event) => event.type !== 'token.accepted' && events.push(event),
  })
  idp.on('/token', (_, { form }) => it.answer(form))
  const it: World = {
    idp,
    events,
    errors,
    now: 1_790_000_000,
    answer: (form) =>
      Response.json({
        access_token: `for ${form.get('subject_token') ?? form.get('assertion')}`.replaceAll(' ', '-'),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: 600,
        refresh_token: 'never-kept',
        scope: 'events.read',
      }),
    async authOf(token) {
      const headers = { authorization: `Bearer ${token}` }
      const auth = await rs.authenticate(new Request(resource, { method: 'POST', headers }))
      if (auth instanceof Response) throw new Error(`refused: ${auth.status}`)
      return auth
    },
    exchange: async (token, target = calendar) => (await it.authOf(token)).exchange(target),
    forms: () => idp.to('/token').map(({ form }) => Object.fromEntries(form)),
  }
  return it
}

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'accepted',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

const problem = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

test('CN16 RFC 8693 §2.1 the incoming token is exchanged, and only the access token comes back', async () => {
  const it = world()
  expect(await it.exchange('alice.1')).toEqual({
    accessToken: 'for-alice.1',
    expiresAt: it.now + 600,
    scopes: ['events.read'],
  })
  expect(it.forms()).toEqual([
    {
      grant_type: grantType,
      subject_token: 'alice.1',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: 'https://calendar.test',
      scope: 'events.read',
    },
  ])
  expect(it.idp.to('/token')[0]!.headers.get('authorization')).toMatch(/^Basic /)
})

test('CN16 an API that is a name is the audience, and so is every one at a provider without resource', async () => {
  const it = world()
  await it.exchange('alice.1', { resource: 'calendar' })
  expect(it.forms()[0]).toMatchObject({ audience: 'calendar' })
  expect(it.forms()[0]).not.toHaveProperty('resource')
  const other = world({
    provider: (idp) =>
      idp.provider({
        client: { resource: 'audience' },
        signIn: { name: 'Acme', protocol: 'oidc', exchange: 'rfc8693' },
      }),
  })
  await other.exchange('alice.1')
  expect(other.forms()[0]).toMatchObject({ audience: 'https://calendar.test' })
})

test('CN16 Entra ID: on behalf of, with the API in front of each scope', async () => {
  const it = world({
    issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    provider: () => entra({ tenantId, clientId, clientSecret: 'hush hush' }),
  })
  const graph = 'https://graph.microsoft.com'
  expect((await it.exchange('alice.1', { resource: graph, scope: 'User.Read Mail.Read' })).accessToken).toBe(
    'for-alice.1',
  )
  await it.exchange('alice.1', { resource: `${graph}/` })
  await it.exchange('alice.1', { scope: `${graph}/User.Read` })
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: 'alice.1',
    requested_token_use: 'on_behalf_of',
  }
  const scopes = [`${graph}/User.Read ${graph}/Mail.Read`, `${graph}/.default`, `${graph}/User.Read`]
  expect(it.forms()).toMatchObject(scopes.map((scope) => ({ ...form, scope })))
  expect(it.forms().filter((each) => 'resource' in each)).toEqual([])
})

test('CN16 a token is never that of another user, nor of another token of the same user', async () => {
  const it = world()
  const users = ['alice.1', 'bob.1', 'alice.2', 'alice.1', 'bob.1']
  const tokens = await Promise.all(users.map((each) => it.exchange(each)))
  expect(tokens.map(({ accessToken }) => accessToken)).toEqual(users.map((each) => `for-${each}`))
  expect(it.forms()).toHaveLength(3)
  // Nothing that a tool does to its token reaches the next one.
  for (const token of [tokens[0]!, await it.exchange('alice.1')]) token.accessToken = 'changed'
  expect((await it.exchange('alice.1')).accessToken).toBe('for-alice.1')
})

test('CN16 each API has a token of its own', async () => {
  const it = world()
  await it.exchange('alice.1')
  await it.exchange('alice.1', { resource: 'https://mail.test', scope: 'events.read' })
  await it.exchange('alice.1', { resource: 'https://calendar.test' })
  await it.exchange('alice.1', { scope: 'events.read' })
  expect(it.forms()).toHaveLength(4)
})

test('CN16 one call for parallel callers; kept until 60 s before expiry, or half of a short life', async () => {
  const it = world()
  await Promise.all(Array.from({ length: 50 }, () => it.exchange('alice.1')))
  expect(it.forms()).toHaveLength(1)
  it.now += 539
  await it.exchange('alice.1')
  expect(it.forms()).toHaveLength(1)
  it.now += 1
  await it.exchange('alice.1')
  expect(it.forms()).toHaveLength(2)
  it.answer = () => Response.json({ access_token: 'short', token_type: 'Bearer', expires_in: 20 })
  await it.exchange('bob.1')
  it.now += 9
  await it.exchange('bob.1')
  expect(it.forms()).toHaveLength(3)
  it.now += 1
  await it.exchange('bob.1')
  expect(it.forms()).toHaveLength(4)
})

test('CN16 a token of unknown lifetime is not kept', async () => {
  const it = world()
  it.answer = () => Response.json({ access_token: 'x', token_type: 'Bearer' })
  expect(await it.exchange('alice.1')).toEqual({ accessToken: 'x' })
  await it.exchange('alice.1')
  expect(it.forms()).toHaveLength(2)
})

test('CN16 no token goes to a third party: one of another issuer is not exchanged', async () => {
  const it = world()
  expect(await codeOf(it.exchange('an-api-key'))).toBe('There is no token exchange for this issuer')
  expect(it.forms()).toEqual([])
})

test.each(['invalid_grant', 'interaction_required', 'consent_required', 'login_required'])(
  'CN16 %s: only the user can help, and the tool gets to know it',
  async (code) => {
    const it = world()
    it.answer = () =>
      Response.json({ error: code, error_description: 'AADSTS50076: alice must use MFA' }, { status: 400 })
    const error = await it.exchange('alice.1').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, status: 403 })
    expect(String(error)).not.toContain('alice')
    expect(it.events).toEqual([])
    // Not remembered: the user may have helped meanwhile.
    expect(await codeOf(it.exchange('alice.1'))).toBe(code)
    expect(it.forms()).toHaveLength(2)
  },
)

test('CN16 a refusal of this server is told by its code, without tokens and without the provider’s text', async () => {
  const it = world()
  it.answer = () =>
    Response.json({ error: 'invalid_client', error_description: 'bad secret for alice.1' }, { status: 401 })
  const error = (await it.exchange('alice.1').catch((thrown: unknown) => thrown)) as Error
  expect(error).toMatchObject({ code: 'server_error', status: 502 })
  expect(it.events).toMatchObject([{ type: 'upstream.refused', error: 'invalid_client' }])
  expect(JSON.stringify(it.events) + error.message + error.stack).not.toMatch(/alice|bad secret|hush/)
})

test('CN16 an outage is temporarily_unavailable with the provider’s Retry-After', async () => {
  const it = world()
  for (const status of [429, 503]) {
    it.answer = () => new Response('', { status, headers: { 'retry-after': '7' } })
    await expect(it.exchange('alice.1')).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      retryAfter: 7,
    })
  }
  it.answer = () => {
    throw new TypeError('connection reset')
  }
  expect(await codeOf(it.exchange('alice.1'))).toBe('temporarily_unavailable')
})

test.each([
  [{ access_token: 'x', token_type: 'N_A', expires_in: 60 }],
  [{ token_type: 'Bearer' }],
  [{ access_token: 'two words', token_type: 'Bearer' }],
])('CN16 RFC 8693 §2.2.1 %o is not an access token', async (answer) => {
  const it = world()
  it.answer = () => Response.json(answer)
  expect(await codeOf(it.exchange('alice.1'))).toBe('server_error')
})

test('CN16 an unknown member of the target is refused', async () => {
  const it = world()
  const auth = await it.authOf('alice.1')
  await expect(auth.exchange({ ...calendar, audience: 'x' } as ExchangeTarget)).rejects.toThrow(
    '`exchange.audience` is not an option; the options are resource, scope',
  )
})

test('CN16 the target names an API', async () => {
  const it = world()
  for (const target of [{}, undefined, { resource: '' }, { scope: 1 }] as ExchangeTarget[]) {
    const auth = await it.authOf('alice.1')
    await expect(auth.exchange(target)).rejects.toThrow(/`exchange.*` must be/)
  }
  expect(it.forms()).toEqual([])
})

test('CN16 authenticates by private_key_jwt, or by an assertion of the platform', async () => {
  const { privateKey } = await generateKeyPair('ES256')
  const signed = world({ options: { privateKey } })
  await signed.exchange('alice.1')
  expect(signed.forms()[0]).toHaveProperty('client_assertion')
  const managed = world({ options: { clientAssertion: () => 'a.b.c' } })
  await managed.exchange('alice.1')
  expect(managed.forms()[0]).toMatchObject({ client_assertion: 'a.b.c' })
})

test('CN16 construction: the provider must offer it, and this server must be confidential', () => {
  const idp = new UpstreamImitation({ clientId })
  expect(problem(() => tokenExchange(idp.provider()))).toMatch(/`kind` must say.*"acme" does not/)
  expect(problem(() => tokenExchange(idp.provider(), { kind: 'rfc8693' }))).toBe('accepted')
  const publicClient = entra({ tenantId, clientId })
  expect(problem(() => tokenExchange(publicClient))).toMatch(/only a confidential client/)
  expect(problem(() => tokenExchange(publicClient, { clientAssertion: () => 'a.b.c' }))).toBe('accepted')
  const realm = keycloak({ url: 'https://sso.test', realm: 'r', clientId, clientSecret: 'hush' })
  expect(problem(() => tokenExchange(realm))).toBe('accepted')
  expect(problem(() => tokenExchange(realm, { audience: 'x' } as never))).toContain('tokenExchange.audience')
  expect(
    problem(() => createResourceServer({ resource, authorizationServers: [realm], exchange: 'x' as never })),
  ).toContain('`exchange` must be a function')
})

test('CN16 without the option there is no exchange', async () => {
  const rs = createResourceServer({
    resource,
    authorizationServers: [
      customVerifier({ issuer: 'https://id.test', verify: () => ({ clientId: 'c', scopes: [] }) }),
    ],
  })
  const headers = { authorization: 'Bearer x' }
  const auth = (await rs.authenticate(new Request(resource, { headers }))) as AuthInfo
  await expect(auth.exchange(calendar)).rejects.toThrow('There is no token exchange')
})
