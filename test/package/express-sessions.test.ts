// examples/express without its identity provider and Redis: whose sessions are closed, and who gets none.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

/** The token `ada` is the user's; `-` is a client's own, without a user. */
const users = customVerifier({
  issuer: 'https://issuer.test',
  accepts: () => true,
  verify: async (token) => ({
    clientId: 'a-client',
    expiresAt: 4_000_000_000,
    scopes: ['notes:read', 'notes:write'],
    ...(token === '-' ? {} : { subject: token }),
  }),
})
const notes = { titles: async () => [], read: async (owner: string) => owner, write: async () => undefined }
let server: Server
let url = ''
beforeAll(async () => {
  await install('examples/express')
  // By a variable: a fresh clone is type-checked before the example's own packages are installed.
  const example = '../../examples/express/app.ts'
  const { createApp } = await import(example)
  const port = await freePort()
  url = `http://127.0.0.1:${port}/mcp`
  const rs = createResourceServer({ resource: url, authorizationServers: [users] })
  server = createServer(createApp({ rs, notes, secret: 'a secret for tests, long enough to be one' }))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}, 300_000)
afterAll(() => {
  server?.closeAllConnections()
  server?.close()
})

interface Answer {
  status: number
  text: string
  sessionId: string | undefined
}

async function send(user: string, method: string, params: object, sessionId?: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${user}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(sessionId === undefined ? {} : { 'mcp-session-id': sessionId }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  const sent = response.headers.get('mcp-session-id') ?? undefined
  return { status: response.status, text: await response.text(), sessionId: sent }
}

const open = (user: string): Promise<Answer> =>
  send(user, 'initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1.0.0' },
  })
const use = (user: string, { sessionId }: Answer): Promise<Answer> =>
  send(user, 'tools/call', { name: 'read_note', arguments: { title: 'x' } }, sessionId)

test('denial of service: a user with many sessions closes only their own, the one unused for longest first', async () => {
  const bobs = await open('bob')
  const [first, second] = [await open('ada'), await open('ada')]
  for (let i = 0; i < 18; i++) await open('ada')
  expect((await use('ada', first!)).text).toContain('ada')
  await open('ada')
  expect((await use('ada', second!)).status).toBe(404)
  expect((await use('ada', first!)).status).toBe(200)
  for (let i = 0; i < 20; i++) await open('ada')
  expect((await use('ada', first!)).status).toBe(404)
  const { status, text } = await use('bob', bobs)
  expect([status, text.includes('bob')]).toEqual([200, true])
})

test('RFC 9068 §5 a token without a user gets no session: all users of its client would share the notes', async () => {
  const { status, text, sessionId } = await open('-')
  expect([status, sessionId]).toEqual([403, undefined])
  expect(JSON.parse(text)).toMatchObject({ error: { message: 'The token names no user' } })
  const hers = await open('a-client')
  expect((await use('-', hers)).status).toBe(403)
})
