import { createTestIssuer, refusedTokenNames, testClient, testClock } from 'tollgate/testing'
import { expect, test } from 'vitest'
import { createOwnServer, createServer, resource, scopes } from './server.ts'

const clock = testClock()
const issuer = createTestIssuer({ resource, scopes: Object.keys(scopes), clock })
const server = createServer(issuer, { clock })

const call = (token: string, method = 'GET'): Promise<Response> =>
  server(new Request(resource, { method, headers: { authorization: `Bearer ${token}` } }))

test('the handler knows the user', async () => {
  const response = await call(await issuer.tokenFor({ subject: 'alice' }))
  expect(await response.json()).toEqual({ notesOf: 'alice' })
})

test.each(refusedTokenNames)('a token that is %s is refused', async (name) => {
  expect((await call(await issuer.refusedToken(name))).status).toBe(401)
})

test('writing needs notes:write', async () => {
  expect((await call(await issuer.tokenFor({ scopes: ['notes:read'] }), 'PUT')).status).toBe(403)
  expect((await call(await issuer.tokenFor(), 'PUT')).status).toBe(200)
})

test('a token ends', async () => {
  const token = await issuer.tokenFor({ expiresIn: 60 })
  clock.advance(66)
  expect((await call(token)).status).toBe(401)
})

test('a user signs in, consents, and the client calls', async () => {
  const client = testClient(createOwnServer(), { signIn: { headers: { cookie: 'session=alice' } } })
  const response = await client.fetch(resource)
  expect(await response.json()).toEqual({ notesOf: 'alice' })
  expect(client.tokens?.scopes).toEqual(['notes:read', 'notes:write'])
})

test('a user who denies gets no token', async () => {
  const client = testClient(createOwnServer(), {
    signIn: { headers: { cookie: 'session=alice' } },
    consent: { decision: 'deny' },
  })
  await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'access_denied' })
})
