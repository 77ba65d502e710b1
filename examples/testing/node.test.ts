import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestIssuer, refusedTokenNames, testClient, testClock } from 'tollgate/testing'
import { createOwnServer, createServer, resource, scopes } from './server.ts'

const clock = testClock()
const issuer = createTestIssuer({ resource, scopes: Object.keys(scopes), clock })
const server = createServer(issuer, { clock })

const call = (token: string): Promise<Response> =>
  server(new Request(resource, { headers: { authorization: `Bearer ${token}` } }))

test('the handler knows the user', async () => {
  const response = await call(await issuer.tokenFor({ subject: 'alice' }))
  assert.deepEqual(await response.json(), { notesOf: 'alice' })
})

for (const name of refusedTokenNames)
  test(`a token that is ${name} is refused`, async () => {
    assert.equal((await call(await issuer.refusedToken(name))).status, 401)
  })

test('a user signs in, consents, and the client calls', async () => {
  const client = testClient(createOwnServer(), { signIn: { headers: { cookie: 'session=alice' } } })
  const response = await client.fetch(resource)
  assert.deepEqual(await response.json(), { notesOf: 'alice' })
})
