// Which scopes a client is asked for, and that the guard only asks for what the authorization server offers.
import { describe, expect, test } from 'vitest'
import { ownLogin, type AuthorizationServerOptions } from '../../src/authorization-server/index.ts'
import { createResourceServer, firstOf } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import type { ResourceServerOptions } from '../../src/index.ts'
import { apiKeyVerifier } from '../../src/resource-server/verify/api-keys.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import type { AuthInfo, Identity } from '../../src/types.ts'
import { signedOut, RES_A, RES_B, Rig } from '../support/as.ts'
import { answer, issuer, post, token, world } from '../support/guard.ts'
import { Browser, pagesRig, requestUrl } from '../support/pages.ts'

const rig = new Rig()
const embedded = (options: Partial<ResourceServerOptions> = {}): ReturnType<typeof createResourceServer> =>
  createResourceServer({ resource: RES_A, authorizationServers: [rig.as], clock: () => rig.now, ...options })
const handler = (): Response => new Response('done')
const scopeOf = (response: Response): string | undefined => answer(response).scope
const metadataOf = async (rs: ReturnType<typeof createResourceServer>): Promise<unknown> =>
  ((await (await rs.handle(new Request(rs.metadataUrl)))!.json()) as { scopes_supported: unknown })
    .scopes_supported

describe('U3 the first challenge', () => {
  const rows: [string, Partial<ResourceServerOptions>, string | undefined][] = [
    ['embedded: all that is offered', {}, 'notes:read notes:write'],
    ['required first', { requiredScopes: ['notes:write'] }, 'notes:write notes:read'],
    ['only what is announced', { scopesSupported: ['notes:read'] }, 'notes:read'],
    ['required', { firstChallengeScopes: 'required' }, undefined],
    ['required', { firstChallengeScopes: 'required', requiredScopes: ['notes:read'] }, 'notes:read'],
    ['a list', { firstChallengeScopes: ['notes:write'] }, 'notes:write'],
    [
      'a list beside what is required',
      { firstChallengeScopes: ['notes:write'], requiredScopes: ['notes:read'] },
      'notes:read notes:write',
    ],
  ]
  test.each(rows)('%s: %o', async (_, options, expected) => {
    const rs = embedded(options)
    const protect = rs.protect(handler)
    expect(scopeOf(await protect(post()))).toBe(expected)
    // A token that has ended leads to a new authorization, which must not get less.
    const bad = await protect(post('eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FzLnRlc3QifQ.AA'))
    expect(answer(bad)).toMatchObject({ status: 401, error: 'invalid_token', scope: expected })
  })

  test('403 asks for what the request needs, and for nothing else', async () => {
    const tokens = await rig.tokens('pub', { scopes: ['notes:read'] })
    const operations = operationScopes({ 'tools/call': { write: ['notes:write'] } })
    const protect = embedded().protect(handler, { operations })
    const call = (bearer?: string): Request =>
      new Request(post(bearer), {
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'write' } }),
      })
    expect(answer(await protect(call(tokens.access_token)))).toMatchObject({
      status: 403,
      scope: 'notes:write',
    })
    expect(scopeOf(await protect(call()))).toBe('notes:read notes:write')
  })

  test('without an embedded server: what is required, because the others cannot be chosen from', async () => {
    const options = { requiredScopes: ['notes:read'], scopesSupported: ['notes:read', 'notes:write'] }
    const it = await world({ options })
    expect(scopeOf(await it.call(post()))).toBe('notes:read')
    const all = await world({ options: { ...options, firstChallengeScopes: 'offered' } })
    expect(scopeOf(await all.call(post()))).toBe('notes:read notes:write')
  })

  test('each of several resources has its own', async () => {
    const protect = embedded({
      resource: [{ resource: RES_A, firstChallengeScopes: 'required' }, { resource: RES_B }],
    }).protect(handler)
    expect(scopeOf(await protect(post(undefined, {}, RES_A)))).toBeUndefined()
    expect(scopeOf(await protect(post(undefined, {}, RES_B)))).toBe('notes:read b:admin')
  })

  test.each<[unknown, RegExp]>([
    ['all', /`firstChallengeScopes` must be "required" or "offered", or a list of scopes; got "all"/],
    [['notes:read notes:write'], /firstChallengeScopes/],
    [['offline_access'], /offline_access/],
    [['notes:raed'], /server offers .*; got "notes:raed". Did you mean "notes:read"/],
  ])('wrong: %o', (value, message) => {
    expect(() => embedded({ firstChallengeScopes: value as never })).toThrow(message)
  })
})

describe('U7 scopes that the embedded server does not offer', () => {
  test('its own are announced by default', async () => {
    // P7: last one first.
    expect(await metadataOf(embedded())).toEqual(['notes:write', 'notes:read'])
    expect(await metadataOf(embedded({ scopesSupported: ['notes:write'] }))).toEqual(['notes:write'])
    const both = firstOf(rig.as, rig.twin())
    expect(await metadataOf(embedded({ authorizationServers: [both] }))).toEqual([
      'notes:write',
      'notes:read',
    ])
  })

  const wrong: [string, () => unknown][] = [
    ['requiredScopes', () => embedded({ requiredScopes: ['notes:wriet'] })],
    ['scopesSupported', () => embedded({ scopesSupported: ['notes:read', 'notes:wriet'] })],
    ['firstChallengeScopes', () => embedded({ firstChallengeScopes: ['notes:wriet'] })],
    ['need.scopes', () => embedded().protect(handler, { scopes: ['notes:wriet'] })],
    ['need.scopes', () => embedded().optional(handler, { scopes: ['notes:wriet'] })],
    [
      'operations',
      () => embedded().protect(handler, { operations: operationScopes({ 'tools/call': ['notes:wriet'] }) }),
    ],
    [
      'operations',
      () =>
        embedded().protect(handler, {
          operations: operationScopes({ 'tools/call': { write: ['notes:wriet'], read: () => [] } }),
        }),
    ],
  ]
  test.each(wrong)('%s is refused at construction, with the nearest name', (option, make) => {
    expect(make).toThrow(
      `\`${option}\` must be scopes that the authorization server offers for ${RES_A}; got "notes:wriet". Did you mean "notes:write"?`,
    )
  })

  test('with nothing near, what there is', () => {
    expect(() => embedded({ requiredScopes: ['admin'] })).toThrow('It offers notes:read, notes:write')
  })

  test('authenticate() tells it, too', async () => {
    await expect(embedded().authenticate(post(), { scopes: ['admin'] })).rejects.toThrow('need.scopes')
  })

  test('of several resources, one that offers it is enough, unless the resource is named', () => {
    const rs = embedded({ resource: [{ resource: RES_A }, { resource: RES_B }] })
    expect(() => rs.protect(handler, { scopes: ['b:admin'] })).not.toThrow()
    expect(() => rs.protect(handler, { scopes: ['b:admin'], resource: RES_A })).toThrow('need.scopes')
  })

  const open: [string, () => unknown][] = [
    ['roles add scopes', () => embedded({ scopesFromClaims: () => [], requiredScopes: ['admin'] })],
    [
      'API keys carry any',
      () =>
        embedded({
          authorizationServers: [rig.as, apiKeyVerifier({ prefix: 'notes_', keys: [] })],
          requiredScopes: ['admin'],
        }),
    ],
    [
      'another issuer',
      () => embedded({ authorizationServers: [rig.as, issuer2], requiredScopes: ['admin'] }),
    ],
  ]
  const issuer2 = 'https://other.test'
  test.each(open)('is not refused if a token could carry it: %s', (_, make) => {
    expect(make).not.toThrow()
  })
})

describe('U14 types that mean what they say', () => {
  test('auth.scopes and auth.hasScope include what is implied', async () => {
    const seen: AuthInfo[] = []
    const it = await world({
      options: { scopeImplies: { 'notes:admin': ['notes:write'], 'notes:write': ['notes:read'] } },
      answer: (_, auth) => {
        seen.push(auth)
        return handler()
      },
    })
    await it.call(post(await token({ scope: 'notes:write other' })))
    expect(seen[0]!.scopes).toEqual(['notes:write', 'other', 'notes:read'])
    const asked = ['notes:read', 'notes:write', 'other', 'notes:admin', ''].map((each) =>
      seen[0]!.hasScope(each),
    )
    expect(asked).toEqual([true, true, true, false, false])
    expect(Object.keys(seen[0]!)).not.toContain('hasScope')
    expect(seen[0]!.claims['scope']).toBe('notes:write other')
  })

  test.each([null, undefined])('identify may say %s: no user is signed in', async (none) => {
    const user = none as Identity | null | undefined
    const shown = await new Browser(
      pagesRig({ signIn: ownLogin({ identify: () => user, loginUrl: '/login' }) }),
    ).get(await requestUrl())
    expect(shown.location?.pathname).toBe('/login')
    const options: Partial<AuthorizationServerOptions> = {
      signIn: { ...signedOut, identify: async () => none },
    }
    expect((await new Browser(new Rig(options)).get(await requestUrl())).status).toBe(200)
  })

  test.each([null, undefined])('a lookup that says %s is an unknown token, not an outage', async (none) => {
    const keys = apiKeyVerifier({ prefix: 'notes_', keys: () => none })
    const custom = customVerifier({ issuer, verify: async () => none })
    for (const authorizationServers of [[issuer, keys], [custom]]) {
      const it = await world({ options: { authorizationServers } })
      expect((await it.call(post('notes_0123456789'))).status).toBe(401)
    }
  })
})
