// What an operator needs to act: which values differ, which operation and scopes, which caller, how long. And nothing that was not judged.
import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { createResourceServer, OAuthError } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { jwtVerifier } from '../../src/resource-server/verify/jwt.ts'
import type { AudienceRule, TollgateEvent } from '../../src/types.ts'
import { basic, RES_A, RES_B, Rig } from '../support/as.ts'
import { createWorld, issuer as clientIssuer, resource as clientResource } from '../support/client-world.ts'
import {
  answer,
  issuer,
  key,
  post,
  resourceA,
  resourceB,
  start,
  token,
  verdict,
  world,
} from '../support/guard.ts'
import { Browser, requestUrl } from '../support/pages.ts'

const done = (): Response => new Response('done')

describe('U5 both values', () => {
  const rows: [string, Record<string, unknown>, string, string][] = [
    ['another resource', { aud: resourceB }, resourceA, resourceB],
    [
      'several resources',
      { aud: [resourceB, 'https://c.test?code=secret'] },
      resourceA,
      `${resourceB} https://c.test`,
    ],
    ['no resource', { aud: undefined }, resourceA, 'nothing'],
    ['another issuer', { iss: 'https://evil.test\u001b[31m"' }, issuer, 'https://evil.test [31m'],
  ]
  test.each(rows)('guard, %s: event and wire', async (_, claims, expected, received) => {
    const it = await world({ events: true })
    const response = await it.call(post(await token(claims)))
    expect(response.status).toBe(401)
    const event = it.events.at(-1)!
    expect(event).toMatchObject({ type: 'token.rejected', expected, received })
    expect(event.detail).toContain(`expected ${expected}, got ${received}`)
    // Our own resource and issuer are public; what the token says is not (401-tok).
    const { error_description: description } = (await response.json()) as { error_description: string }
    expect(description).toMatch(new RegExp(`: expected ${expected.replaceAll('.', '\\.')}$`))
    expect(answer(response).challenge).toContain(`error_description="${description}"`)
  })

  test.each<[string, AudienceRule, string]>([
    ['audiences of its own', { aud: ['api://internal', 'api://other'] }, 'api://internal or api://other'],
    ['the clients', { claim: 'client_id', equals: ['c-1', 'c-2'] }, 'client_id c-1 or c-2'],
  ])('guard, %s are for events alone', async (_, audience, expected) => {
    const server = jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] }, audience })
    const it = await world({ events: true, options: { authorizationServers: [server] } })
    const claims = { aud: 'their-audience', client_id: 'their-client' }
    const response = await it.call(post(await token(claims)))
    expect(it.events.at(-1)).toMatchObject({ expected, received: expect.stringContaining('their-') })
    const wire = `${JSON.stringify([...response.headers])} ${await response.text()}`
    expect(wire).toContain('The token is for another resource')
    for (const each of ['api://', 'c-1', 'c-2', 'their-']) expect(wire).not.toContain(each)
  })

  test('guard, an outage: which host is out of reach is for events alone', async () => {
    const jwksUri = 'http://keys.internal:8080/jwks'
    const it = await world({
      events: true,
      options: {
        authorizationServers: [jwtVerifier({ issuer, jwksUri })],
        dangerouslyAllowHttp: ['http://keys.internal:8080'],
        fetch: () => Promise.reject(new TypeError('connect 10.0.0.7')),
        onError: () => undefined,
      },
    })
    const response = await it.call(post(await token()))
    expect(await verdict(response)).toBe('503-closed')
    expect(await response.text()).not.toMatch(/internal|10\.0/)
    expect(it.events.map(({ detail }) => detail).join()).toContain('keys.internal:8080')
  })

  test('guard, a custom verifier', async () => {
    const verify = () => ({ clientId: 'c', scopes: [], resource: resourceB })
    const it = await world({
      events: true,
      options: { authorizationServers: [customVerifier({ issuer, verify })] },
    })
    await it.call(post('x'))
    expect(it.events.at(-1)).toMatchObject({ expected: resourceA, received: resourceB })
  })

  test('U12 own tokens that are tampered with, expired, of another resource or revoked have distinct texts', async () => {
    const rig = new Rig({ checkRevocation: 0 })
    const events: TollgateEvent[] = []
    const clock = (): number => rig.now
    const guard = createResourceServer({
      resource: RES_A,
      authorizationServers: [rig.as],
      clock,
      onEvent: (event) => events.push(event),
    }).protect(done)
    const detail = async (bearer: string): Promise<string | undefined> => {
      expect((await guard(post(bearer))).status).toBe(401)
      return events.at(-1)!.detail
    }
    const tokens = await rig.tokens()
    const [head, body, signature] = tokens.access_token.split('.')
    expect(
      await detail(`${head}.${body}.${signature!.startsWith('A') ? 'B' : 'A'}${signature!.slice(1)}`),
    ).toBe('The access token is malformed, or its signature is not valid')
    const other = await rig.tokens('pub', { resources: [RES_B], scopes: ['b:admin'] })
    expect(await detail(other.access_token)).toBe(
      `The access token is for another resource: expected ${RES_A}, got ${RES_B}`,
    )
    await rig.as.grants.revoke('alice', tokens.grantId)
    expect(await detail(tokens.access_token)).toBe('The access token was revoked')
    rig.now += 10_000
    expect(await detail(other.access_token)).toBe('The access token has expired')
  })

  test('authorization server, a resource that it does not know', async () => {
    const rig = new Rig({ resources: { [RES_A]: { scopes: { a: 'A' } } } })
    const shown = await new Browser(rig).get(
      await requestUrl({ resource: 'https://other.test/mcp', scope: 'a' }),
    )
    const description = shown.location!.searchParams.get('error_description')
    expect(description).toBe(`This resource is unknown here: expected ${RES_A}, got https://other.test/mcp`)
    const several = await new Browser(new Rig()).get(await requestUrl({ resource: 'https://other.test/mcp' }))
    expect(several.location!.searchParams.get('error_description')).toBe(
      'This resource is unknown here: got https://other.test/mcp',
    )
    expect(() =>
      createResourceServer({ resource: 'https://mcp.test/mpc', authorizationServers: [rig.as] }),
    ).toThrow(`must have the resource https://mcp.test/mpc; https://as.test has ${RES_A}`)
  })

  test('client, a callback of another issuer: error and event', async () => {
    const it = createWorld()
    it.tamper = (callback) => callback.searchParams.set('iss', 'https://evil.test?a=b')
    const events: TollgateEvent[] = []
    const { fetch, clock, redirect } = it
    const onEvent = (event: TollgateEvent): void => void events.push(event)
    const error = await createClient({ fetch, clock, redirect, onEvent })
      .fetch(clientResource)
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'invalid_callback' })
    const { detail } = events.find(({ type }) => type === 'client.authorization-failed')!
    for (const text of [(error as Error).message, detail])
      for (const value of [clientIssuer, 'https://evil.test']) expect(text).toContain(value)
    expect(detail).not.toContain('a=b')
  })

  test('`received` is one bounded line for any value', () => {
    const shown = (received: unknown): string | undefined => new OAuthError('x', 'y', { received }).received
    expect(['', undefined, null, 7, {}, ['a', 1]].map(shown)).toEqual([
      'nothing',
      'nothing',
      'object',
      'number',
      'object',
      'a number',
    ])
    expect(shown(`a\r\n\u001b\u202e"\\${'x'.repeat(1000)}`)).toMatch(/^a +x{190,}$/)
    expect(shown(`a${'x'.repeat(1000)}`)).toHaveLength(200)
  })
})

describe('U12 what an operator needs', () => {
  test('scope.insufficient names the operation and what is missing', async () => {
    const operations = operationScopes(
      { 'tools/call': { write_note: ['notes:read', 'notes:write'] }, 'resources/read': ['files:read'] },
      { default: 'deny' },
    )
    const it = await world({ events: true, need: { operations } })
    const call = async (method: string, params: object): Promise<TollgateEvent> => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      await it.call(new Request(post(await token()), { body }))
      return it.events.at(-1)!
    }
    expect(await call('tools/call', { name: 'write_note' })).toMatchObject({
      type: 'scope.insufficient',
      operation: 'tools/call write_note',
      missingScopes: ['notes:write'],
      subject: 'alice',
    })
    expect(await call('resources/read', { uri: 'https://files.test/a?token=secret' })).toMatchObject({
      operation: 'resources/read https://files.test/a',
      missingScopes: ['files:read'],
    })
    expect(await call('tools/call', { name: 'other' })).toMatchObject({
      type: 'request.refused',
      status: 403,
      operation: 'tools/call other',
      resource: resourceA,
      detail: 'No rule allows this operation',
    })
    await it.call(new Request(post(await token()), { body: 'no JSON' }))
    expect(it.events.at(-1)).toMatchObject({ type: 'request.refused', detail: 'The body is not JSON' })
    const plain = await world({ events: true, options: { requiredScopes: ['notes:read', 'notes:write'] } })
    await plain.call(post(await token()))
    expect(plain.events.at(-1)!.missingScopes).toEqual(['notes:write'])
    expect(plain.events.at(-1)).not.toHaveProperty('operation')
  })

  test('rate.limited names issuer, address and duration', async () => {
    const rig = new Rig({
      rateLimit: { limit: async () => ({ success: false }) },
      clientAddress: () => '192.0.2.1',
    })
    expect((await rig.register({ redirect_uris: ['https://a.test/cb'] })).status).toBe(429)
    const expected = { type: 'rate.limited', issuer: 'https://as.test', address: '192.0.2.1', duration: 60 }
    expect(rig.events.at(-1)).toMatchObject({ ...expected, detail: 'register' })
    await rig.post({ grant_type: 'refresh_token' }, { headers: basic('either', 'wrong wrong wrong') })
    expect(rig.events.at(-1)).toMatchObject({ ...expected, clientId: 'either', detail: 'secret' })
  })

  test('an outage says how long the client was told to wait', async () => {
    const it = await world({ events: true, options: { fetch: () => Promise.reject(new Error('down')) } })
    const response = await it.call(post(await token()))
    expect(it.events.at(-1)!.duration).toBe(Number(response.headers.get('retry-after')))
    expect(it.events.at(-1)!.at).toBe(start)
  })
})

describe('S17, T16 only what was judged', () => {
  test('S17 Basic credentials with a URL that is not encoded: no half of the secret in an event', async () => {
    const limit = async (): Promise<{ success: boolean }> => ({ success: false })
    const rig = new Rig({ rateLimit: { limit } })
    const half = 'planted-half-of-the-secret'
    const credentials = `https://app.test/client.json:${half}:and-the-rest`
    const headers = { authorization: `Basic ${btoa(credentials)}` }
    for (const url of [rig.path('token'), rig.path('revoke')])
      for (let i = 0; i < 2; i++)
        await rig.post({ grant_type: 'refresh_token', token: 'x' }, { headers, url })
    await rig.post({ grant_type: 'refresh_token', client_id: half, client_secret: 'wrong wrong wrong' })
    expect(rig.events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['client.rejected', 'rate.limited']),
    )
    expect(JSON.stringify(rig.events)).not.toContain('planted')
    expect(rig.events.find(({ type }) => type === 'client.rejected')!.detail).toBe('no such client')
  })

  test('S17 a client that exists is named', async () => {
    const rig = new Rig()
    await rig.post({ grant_type: 'refresh_token' }, { headers: basic('either', 'wrong wrong wrong') })
    expect(rig.events.at(-1)).toMatchObject({
      type: 'client.rejected',
      clientId: 'either',
      detail: 'wrong credentials',
    })
  })

  test('T16 no event has a query: the URL of the MCP server', async () => {
    const it = createWorld()
    const events: TollgateEvent[] = []
    const onEvent = (event: TollgateEvent): void => void events.push(event)
    const { fetch, clock, redirect } = it
    const client = createClient({ fetch, clock, redirect, onEvent })
    await client.fetch(`${clientResource}?key=planted`).catch(() => undefined)
    await client.signOut(`${clientResource}?key=planted`).catch(() => undefined)
    expect(events.length).toBeGreaterThan(0)
    expect(JSON.stringify(events)).not.toContain('planted')
  })

  test('T16 nor has the id of a client document that was refused', async () => {
    const rig = new Rig({ fetch: async () => new Response('not here', { status: 404 }) })
    const id = 'https://app.test/client.json?key=planted'
    await new Browser(rig).get(await requestUrl({ client_id: id }))
    expect(JSON.stringify(rig.events)).not.toContain('planted')
  })
})
