import { expect, test } from 'bun:test'
import { createTestIssuer, refusedTokenNames, testClient, testClock } from 'tollgate/testing'
import { createOwnServer, createServer, resource, scopes } from './server.ts'

const clock = testClock()
const issuer = createTestIssuer({ resource, scopes: Object.keys(scopes), clock })
const server = createServer(issuer, { clock })

const call = (token: string): Promise<Response> =>
  server(new Request(resource, { headers: { authorization: `Bearer ${token}` } }))

test('the handler knows the user', async () => {
  const response = await call(await issuer.tokenFor({ subject: 'alice' }))
  expect(await response.json()).toEqual({ notesOf: 'alice' })
})

test.each([...refusedTokenNames])('a token that is %s is refused', async (name) => {
  expect((await call(await issuer.refusedToken(name))).status).toBe(401)
})

test('a user signs in, consents, and the client calls', async () => {
  const client = testClient(createOwnServer(), { signIn: { headers: { cookie: 'session=alice' } } })
  const response = await client.fetch(resource)
  expect(await response.json()).toEqual({ notesOf: 'alice' })
})
