import { expect, test } from 'vitest'
import { createResourceServer, type TollgateEvent } from '../../src/index.ts'
import {
  createTestIssuer,
  refusedTokenNames,
  testClock,
  type TestIssuerOptions,
} from '../../src/testing/index.ts'

const resource = 'https://notes.test/mcp'
const scopes = ['notes:read', 'notes:write']

/** A guard as a user has one, with the test's issuer in the place of the real one. */
function setUp(options: Partial<TestIssuerOptions> = {}) {
  const clock = testClock()
  const events: TollgateEvent[] = []
  const issuer = createTestIssuer({ resource, scopes, clock, ...options })
  const rs = createResourceServer({
    resource,
    authorizationServers: [issuer],
    requiredScopes: ['notes:read'],
    clock,
    onEvent: (event) => events.push(event),
    fetch: () => Promise.reject(new Error('a request was made')),
  })
  const authenticate = (token: string) =>
    rs.authenticate(new Request(resource, { headers: { authorization: `Bearer ${token}` } }))
  return { clock, issuer, rs, authenticate, events }
}

test('a token of the test issuer passes the guard, with what the test says of it', async () => {
  const { issuer, authenticate } = setUp()
  const auth = await authenticate(
    await issuer.tokenFor({
      subject: 'alice',
      clientId: 'agent',
      scopes: ['notes:read'],
      props: { plan: 'pro' },
      choices: { workspace: 'acme' },
      upstream: { github: { accessToken: 'gh' }, slack: { accessToken: 'sl' } },
      acr: 'mfa',
      claims: { roles: ['editor'] },
    }),
  )
  if (auth instanceof Response) throw new Error(`${auth.status}`)
  expect(auth).toMatchObject({
    subject: 'alice',
    clientId: 'agent',
    scopes: ['notes:read'],
    issuer: 'https://issuer.test',
    expiresAt: 1_800_000_900,
    props: { plan: 'pro' },
    choices: { workspace: 'acme' },
  })
  expect(auth.claims).toMatchObject({ roles: ['editor'], acr: 'mfa', aud: resource })
  expect(JSON.stringify(auth.claims)).not.toMatch(/plan|acme|"gh"/)
  expect(await auth.upstream()).toEqual({ accessToken: 'gh' })
  expect(await auth.upstream('slack')).toEqual({ accessToken: 'sl' })
  await expect(auth.upstream('google')).rejects.toThrow('no upstream token')
})

test('without options a token has the test user, and all scopes that the issuer offers', async () => {
  const { issuer, rs, authenticate } = setUp()
  const auth = await authenticate(await issuer.tokenFor())
  expect(auth).toMatchObject({ subject: 'test-user', clientId: 'test-client', scopes, props: undefined })
  const metadata = await (await rs.handle(new Request(rs.metadataUrl)))!.json()
  expect(metadata).toMatchObject({
    authorization_servers: ['https://issuer.test'],
    scopes_supported: expect.arrayContaining(scopes),
  })
})

test('RFC 9068: the token is an access token by its header and its claims', async () => {
  const { issuer } = setUp()
  const [header, payload] = (await issuer.tokenFor()).split('.').slice(0, 2).map(decode)
  expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
  expect(Object.keys(payload!)).toEqual(
    expect.arrayContaining(['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'scope']),
  )
})

const decode = (part: string): Record<string, unknown> =>
  JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>

test.each(refusedTokenNames)(
  'RFC 6750 §3.1: the guard answers 401 invalid_token to a token that is %s',
  async (name) => {
    const { issuer, authenticate, events } = setUp()
    expect(await authenticate(await issuer.tokenFor())).not.toBeInstanceOf(Response)
    const answer = await authenticate(await issuer.refusedToken(name))
    expect(answer).toBeInstanceOf(Response)
    expect((answer as Response).status).toBe(401)
    expect((answer as Response).headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(events.at(-1)).toMatchObject({ type: 'token.rejected' })
  },
)

test('each refused token differs from a good one by its mistake only', async () => {
  const { issuer, events, authenticate } = setUp()
  for (const name of refusedTokenNames) await authenticate(await issuer.refusedToken(name, { subject: name }))
  const reasons = events.flatMap(({ type, detail }) => (type === 'token.rejected' ? detail : []))
  expect(reasons.length).toBe(refusedTokenNames.length)
  expect(reasons.join('\n')).toMatch(
    /expired[\s\S]*not valid yet[\s\S]*another resource[\s\S]*signature is not valid[\s\S]*key of the token is unknown/,
  )
})

test('a token ends with the clock, and a missing scope is 403', async () => {
  const { clock, issuer, authenticate } = setUp()
  const token = await issuer.tokenFor({ expiresIn: 60 })
  expect(await authenticate(token)).not.toBeInstanceOf(Response)
  clock.advance(66)
  expect(((await authenticate(token)) as Response).status).toBe(401)
  expect(((await authenticate(await issuer.tokenFor({ scopes: [] }))) as Response).status).toBe(403)
})

test('two issuers share no key: a token of one is refused by the guard of the other', async () => {
  const [one, other] = [setUp(), setUp()]
  expect(((await one.authenticate(await other.issuer.tokenFor())) as Response).status).toBe(401)
})

test('RFC 8414: a guard that is configured with the issuer’s URL takes fetch of the test issuer', async () => {
  const { issuer, clock } = setUp()
  const rs = createResourceServer({
    resource,
    authorizationServers: ['https://issuer.test'],
    clock,
    fetch: issuer.fetch,
  })
  const request = new Request(resource, { headers: { authorization: `Bearer ${await issuer.tokenFor()}` } })
  expect(await rs.authenticate(request)).toMatchObject({ subject: 'test-user' })
  await expect(issuer.fetch('https://elsewhere.test/')).rejects.toThrow(
    'does not serve https://elsewhere.test/',
  )
})

test('the issuer bears no production name, and a guard that has it says so', async () => {
  const { events } = setUp()
  expect(events[0]).toMatchObject({
    type: 'option.weakening',
    issuer: 'https://issuer.test',
    detail: 'createTestIssuer',
  })
  const make = (issuer: string) => () => createTestIssuer({ resource, issuer })
  for (const issuer of [
    'https://login.example.com',
    'http://issuer.test',
    'https://nottest',
    'https://a.test.com',
  ])
    expect(make(issuer)).toThrow('`issuer` must be an https URL below .test')
  for (const issuer of ['https://login.test', 'http://127.0.0.1:9000', 'http://localhost:9000'])
    expect(make(issuer)().issuer).toBe(issuer)
})

test.each([
  [{ scopes: ['notes:wirte'] }, 'must be one of notes:read, notes:write'],
  [{ sub: 'alice' }, 'did you mean "subject"'],
  [{ expiresIn: 0 }, 'from 1 to 86400'],
  [{ claims: { exp: 1 } }, 'is set by the options of tokenFor()'],
  [{ props: () => 1 }, 'must be JSON'],
])('a wrong option of a token is a ConfigurationError: %o', async (options, message) => {
  const { issuer } = setUp()
  await expect(issuer.tokenFor(options as never)).rejects.toThrow(message)
})

test('a wrong option of the issuer is a ConfigurationError, and so is an unknown name', async () => {
  expect(() => createTestIssuer({} as never)).toThrow('`resource` must be the URL of the MCP server')
  expect(() => createTestIssuer({ resource, scope: [] } as never)).toThrow('did you mean "scopes"')
  await expect(setUp().issuer.refusedToken('exprired' as never)).rejects.toThrow('must be one of expired')
})

test('testClock stands still, moves forward, and refuses milliseconds', () => {
  const clock = testClock(100)
  expect([clock(), clock()]).toEqual([100, 100])
  clock.advance(0.5)
  expect(clock()).toBe(100.5)
  expect(() => clock.advance(-1)).toThrow('0 or more')
  expect(() => testClock(1_800_000_000_000)).toThrow('`start` must be a number of seconds')
})
