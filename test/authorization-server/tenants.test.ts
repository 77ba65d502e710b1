// Several authorization servers in one process, on one host, on one store, with one deployment secret: they share nothing.
import { describe, expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { answered, ok, refusal, RES_A, resources, Rig } from '../support/as.ts'
import { browserOf, pagesRig, registered, requestUrl } from '../support/pages.ts'

const introspectionSecret = 'an introspection secret for all the tenants'

function tenants(options: Partial<AuthorizationServerOptions> = {}): [Rig, Rig] {
  const store = memoryStore()
  const rig = (name: string): Rig =>
    pagesRig({ issuer: `https://as.test/t/${name}`, store, checkRevocation: 0, ...options })
  return [rig('a'), rig('b')]
}

const json = async (response: Promise<Response | undefined>): Promise<Record<string, unknown>> =>
  (await (await answered(response)).json()) as Record<string, unknown>

test.each(['jwt', 'opaque'] as const)(
  'ST6 code, refresh token, access token (%s) of one at the other',
  async (accessTokens) => {
    const one = { ...resources[RES_A]!, accessTokens, introspectionSecret }
    const [a, b] = tenants({ resources: { [RES_A]: one } })
    const approved = await a.approve('pub')
    expect(await refusal(await b.redeem(approved))).toBe('400 invalid_grant')
    const tokens = await ok(await a.redeem(approved))
    expect(await refusal(await b.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    expect(await a.call(tokens.access_token)).toBe(200)
    expect(await b.call(tokens.access_token)).toBe(401)
    for (const token of [tokens.refresh_token, tokens.access_token]) {
      const revoked = await b.post({ client_id: 'pub', token }, { url: b.path('revoke') })
      expect(revoked.status).toBe(200)
      const form = { token, client_id: RES_A, client_secret: introspectionSecret }
      const introspected = await b.post(form, { url: b.path('introspect') })
      expect(await introspected.json()).toEqual({ active: false })
    }
    expect(await a.call(tokens.access_token)).toBe(200)
    await ok(await a.refresh(tokens.refresh_token))
  },
)

test.each(['jwt', 'opaque'] as const)(
  'G24 one guard that trusts both: each judges its own tokens (%s)',
  async (accessTokens) => {
    const [a, b] = tenants({ resources: { [RES_A]: { ...resources[RES_A]!, accessTokens } } })
    const { clock } = a.options
    const rs = createResourceServer({ resource: RES_A, authorizationServers: [a.as, b.as], clock: clock! })
    const guard = rs.protect((_, auth) => new Response(auth.issuer))
    for (const rig of [a, b]) {
      const { access_token: token } = await rig.tokens()
      expect(await rig.call(token, guard)).toBe(200)
      await rig.as.grants.revoke('alice')
      expect(await rig.call(token, guard)).toBe(401)
    }
  },
)

test('ST6 the same user, grant id and client at both: two grants, two lists', async () => {
  const [a, b] = tenants()
  const id = 'A'.repeat(27)
  const ofA = await a.approve('pub', { id })
  const ofB = await b.approve('pub', { id })
  const tokens = await ok(await a.redeem(ofA))
  await a.as.grants.revoke('alice')
  expect(await a.as.grants.list('alice')).toEqual([])
  expect(await a.call(tokens.access_token)).toBe(401)
  expect(await b.as.grants.list('alice')).toMatchObject([{ id }])
  await ok(await b.redeem(ofB))
})

test('ST6 clients: sealed, stored, put and blocked ones belong to one issuer', async () => {
  const [a, b] = tenants()
  const [c, d] = tenants({ registration: 'stored' })
  for (const [here, there] of [
    [a, b],
    [c, d],
  ] as const) {
    const id = await registered(here)
    expect(await there.as.clients.get(id)).toBeUndefined()
    expect(await refusal(await there.refresh('x', { client_id: id }))).toBe('401 invalid_client')
  }
  await a.as.clients.put({ client_id: 'own', redirect_uris: ['https://own.test/cb'] })
  expect(await b.as.clients.get('own')).toBeUndefined()
  await a.as.clients.block('pub')
  expect(await refusal(await a.refresh('x'))).toBe('401 invalid_client')
  expect(await refusal(await b.refresh('x'))).toBe('400 invalid_grant')
})

test('ST6 keys and epochs: another key set each, and revokeAll ends one', async () => {
  const [a, b] = tenants()
  const [ofA, ofB] = [await a.tokens(), await b.tokens()]
  const kids = await Promise.all(
    [a, b].map(async (rig) => {
      const { keys } = await json(rig.get(rig.path('jwks')))
      return (keys as { kid: string }[]).map(({ kid }) => kid)
    }),
  )
  expect(kids[0]).not.toEqual(kids[1])
  await a.as.revokeAll()
  expect(await a.call(ofA.access_token)).toBe(401)
  expect(await b.call(ofB.access_token)).toBe(200)
  await ok(await b.refresh(ofB.refresh_token))
})

test('ST6 CN3 a form of one, with all its cookies, is none at the other', async () => {
  const [a, b] = tenants()
  const browser = browserOf(a, 'alice')
  const url = (path: string): Promise<string> => requestUrl({}, path)
  const page = await browser.get(await url('/t/a/authorize'))
  expect(page.status).toBe(200)
  const foreign = browserOf(b, 'alice')
  for (const [name, value] of browser.cookies) foreign.cookies.set(name, value)
  const text = page.text.replaceAll('/t/a/', '/t/b/')
  const answer = await foreign.submit({ ...page, text }, { decision: 'approve', scopes: ['notes:read'] })
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.location).toBeUndefined()
  expect(b.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
})

describe('an issuer with a path', () => {
  test('MD1 everything below its path, metadata at each place, and nothing of the other', async () => {
    const [a, b] = tenants()
    const places = [
      'https://as.test/.well-known/oauth-authorization-server/t/a',
      'https://as.test/.well-known/openid-configuration/t/a',
      'https://as.test/t/a/.well-known/openid-configuration',
    ]
    for (const place of places) {
      const document = await json(a.get(place))
      expect(document['issuer']).toBe('https://as.test/t/a')
      for (const [name, value] of Object.entries(document))
        if (/_endpoint$|_uri$/.test(name)) {
          expect(value).toMatch(/^https:\/\/as\.test\/t\/a\//)
          expect(await a.get(value as string), name).toBeInstanceOf(Response)
          expect(await b.get(value as string), name).toBeUndefined()
        }
      expect(await b.get(place)).toBeUndefined()
    }
    for (const path of ['/token', '/authorize', '/t/a', '/t/aa/token', '/t/a/token/', '/T/a/token'])
      expect(await a.get(`https://as.test${path}`), path).toBeUndefined()
  })

  test('AZ13 the whole flow: iss is the issuer with its path', async () => {
    const [a] = tenants()
    const browser = browserOf(a, 'alice')
    const page = await browser.get(await requestUrl({}, '/t/a/authorize'))
    const answer = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    expect(answer.location?.searchParams.getAll('iss')).toEqual(['https://as.test/t/a'])
    expect(answer.location?.searchParams.has('code')).toBe(true)
  })
})
