import { expect, test } from 'vitest'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { hashPassword, passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { createResourceServer, type AuthInfo } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { testClient, testClock, type TestClientOptions } from '../../src/testing/index.ts'
import { readCookie } from '../../src/lib/cookie.ts'
import type { SignIn } from '../../src/types.ts'

const resource = 'https://notes.test/mcp'
const users = {
  ada: { hash: await hashPassword('augusta ada lovelace', { iterations: 100_000 }), props: { plan: 'pro' } },
}
const passwords = (): SignIn => passwordSignIn({ users, dangerouslyFewIterations: true })

/** A server with its own authorization server, as a user has one. */
function setUp(options: Partial<AuthorizationServerOptions> = {}, origin = 'https://notes.test') {
  const clock = testClock()
  const as = createAuthorizationServer({
    issuer: origin,
    secret: 'a deployment secret for tests, of forty bytes',
    store: memoryStore(),
    resources: {
      [`${origin}/mcp`]: { scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' } },
    },
    signIn: passwords(),
    clock,
    ...options,
  })
  const rs = createResourceServer({ resource: `${origin}/mcp`, authorizationServers: [as], clock })
  const seen: AuthInfo[] = []
  const guarded = rs.protect((_, auth) => {
    seen.push(auth)
    return Response.json({ subject: auth.subject, scopes: auth.scopes })
  })
  const writes = rs.protect(() => new Response('written'), { scopes: ['notes:write'] })
  const app = async (request: Request): Promise<Response> => {
    const own = await as.handle(request)
    return own ?? (request.method === 'PUT' ? writes(request) : guarded(request))
  }
  const client = (more: TestClientOptions = {}) =>
    testClient(app, {
      signIn: { fields: { username: 'ada', password: 'augusta ada lovelace' } },
      clock,
      ...more,
    })
  return { as, app, clock, client, seen }
}

test('signs in, consents and calls the server: registration, PKCE, code, tokens, all in process', async () => {
  const { client, seen } = setUp()
  const alice = client()
  const response = await alice.fetch(resource, { method: 'POST', body: '{}' })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ subject: 'ada', scopes: ['notes:read', 'notes:write'] })
  expect(seen[0]!.props).toEqual({ plan: 'pro' })
  expect(alice.pages).toEqual([
    expect.stringContaining('Sign in'),
    expect.stringContaining('Test client asks for access'),
  ])
  expect(alice.tokens).toMatchObject({ scopes: ['notes:read', 'notes:write'], expiresIn: 900 })
})

test('signIn returns the tokens without a call of the handler; the next call uses them', async () => {
  const { client, seen, app } = setUp()
  const alice = client()
  const { accessToken, refreshToken } = await alice.signIn(resource)
  expect(refreshToken).toBeTypeOf('string')
  expect(seen).toEqual([])
  const request = new Request(resource, { headers: { authorization: `Bearer ${accessToken}` } })
  expect((await app(request)).status).toBe(200)
  await alice.fetch(resource)
  expect(seen[1]!.token).toBe(accessToken)
  expect(alice.pages.length).toBe(2)
})

test('the clock renews: after the lifetime the client refreshes, and the user sees no page', async () => {
  const { client, clock, seen } = setUp()
  const alice = client()
  await alice.fetch(resource)
  const pages = alice.pages.length
  clock.advance(901)
  expect((await alice.fetch(resource)).status).toBe(200)
  expect(seen[1]!.token).not.toBe(seen[0]!.token)
  expect(alice.pages.length).toBe(pages)
})

test('a user who ticks fewer scopes gets fewer, and is asked again for what a call needs (step-up)', async () => {
  const { client } = setUp()
  const alice = client({ consent: { scopes: ['notes:read'] } })
  expect((await alice.signIn(resource)).scopes).toEqual(['notes:read'])
  expect((await alice.fetch(resource, { method: 'PUT' })).status).toBe(403)
})

test('a user who denies is access_denied', async () => {
  const { client } = setUp()
  const alice = client({ consent: { decision: 'deny' } })
  await expect(alice.fetch(resource)).rejects.toMatchObject({ code: 'access_denied' })
  await expect(alice.signIn(resource)).rejects.toMatchObject({ code: 'access_denied' })
})

test('a wrong password and a missing field are errors that name the page', async () => {
  const { client } = setUp()
  const wrong = client({ signIn: { fields: { username: 'ada', password: 'byron' } } })
  await expect(wrong.signIn(resource)).rejects.toThrow('refuses what was typed')
  const silent = client({ signIn: {} })
  await expect(silent.fetch(resource)).rejects.toThrow(
    'asks for "username": pass signIn: { fields: { username',
  )
  await expect(silent.signIn(resource)).rejects.toThrow('asks for "username"')
  const greedy = client({ consent: { scopes: ['notes:admin'] } })
  await expect(greedy.signIn(resource)).rejects.toThrow('does not offer the scope notes:admin')
})

test('choices of the consent: named, or the first option', async () => {
  const choices = () => [
    {
      name: 'workspace',
      label: 'Workspace',
      options: [
        { value: 'acme', label: 'Acme' },
        { value: 'umbrella', label: 'Umbrella' },
      ],
      required: true,
    },
  ]
  const { client, seen } = setUp({ consent: { choices } })
  await client().fetch(resource)
  await client({ consent: { choices: { workspace: 'umbrella' } } }).fetch(resource)
  expect(seen.map((auth) => auth.choices)).toEqual([{ workspace: 'acme' }, { workspace: 'umbrella' }])
  const other = client({ consent: { choices: { workspace: 'none' } } })
  await expect(other.signIn(resource)).rejects.toThrow('has no option "none" for workspace')
})

test('the way to sign in is chosen by the words on its button', async () => {
  const verify = (key: string) => (key === 'k-1' ? { subject: 'by key' } : undefined)
  const { client } = setUp({ signIn: oneOf(passwords(), keySignIn({ label: 'Access key', verify })) })
  const alice = client({ signIn: { way: 'ccess key', fields: { key: 'k-1' } } })
  expect(await (await alice.fetch(resource)).json()).toMatchObject({ subject: 'by key' })
})

test('the session of the application’s own login comes by a header, or by its login page', async () => {
  const signIn = ownLogin({
    identify: (request) => {
      const subject = readCookie(request, 'session')
      return subject === undefined ? undefined : { subject }
    },
    loginUrl: '/login',
  })
  const { client, app, clock } = setUp({ signIn })
  const alice = client({ signIn: { headers: { cookie: 'session=alice' } } })
  expect(await (await alice.fetch(resource)).json()).toMatchObject({ subject: 'alice' })

  const withLogin = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname !== '/login') return app(request)
    if (request.method === 'GET')
      return new Response(
        `<title>Log in</title><form method=post><input type=hidden name=to value='${searchParams.get('return_to')}'><input name=who></form>`,
        { headers: { 'content-type': 'text/html' } },
      )
    const form = new URLSearchParams(await request.text())
    const headers = { location: form.get('to')!, 'set-cookie': `session=${form.get('who')}; Path=/` }
    return new Response(null, { status: 303, headers })
  }
  const bob = testClient({ fetch: withLogin }, { clock, signIn: { fields: { who: 'bob' } } })
  expect(await (await bob.fetch(resource)).json()).toMatchObject({ subject: 'bob' })
  expect(bob.pages[0]).toBe('/login Log in')
})

test('signOut revokes: the refresh token is dead', async () => {
  const { client, as } = setUp()
  const alice = client()
  await alice.signIn(resource)
  expect(await as.grants.list('ada')).toHaveLength(1)
  await alice.signOut(resource)
  expect(await as.grants.list('ada')).toEqual([])
})

test('a server on loopback works as one below .test does', async () => {
  const { client } = setUp({}, 'http://127.0.0.1:3000')
  expect((await client().fetch('http://127.0.0.1:3000/mcp')).status).toBe(200)
})

test('requests to other origins go to outside', async () => {
  const { app, clock } = setUp()
  const asked: string[] = []
  const alice = testClient(
    { handle: app },
    {
      clock,
      signIn: { fields: { username: 'ada', password: 'augusta ada lovelace' } },
      outside: async (input) => {
        asked.push(String(input instanceof Request ? input.url : input))
        return new Response(null, { status: 404 })
      },
    },
  )
  expect((await alice.fetch(resource)).status).toBe(200)
  await alice.fetch('https://elsewhere.test/')
  expect(asked).toEqual(['https://elsewhere.test/'])
})

test('a wrong server or option is a ConfigurationError', () => {
  expect(() => testClient({} as never)).toThrow('`server` must be a function from Request to Response')
  expect(() => testClient(() => undefined, { consent: { desicion: 'deny' } } as never)).toThrow(
    'did you mean',
  )
  expect(() => testClient(() => undefined, { user: {} } as never)).toThrow('is not an option')
})
