// The tools of a project of `tollgate create`: whose notes they read, and which titles they know.
import { expect, test } from 'vitest'
import { memory, notes } from '../../examples/common/notes.ts'
import { createAuthInfo } from '../../src/resource-server/guard/auth-info.ts'

const resource = 'https://notes.example.com/mcp'
const storage = memory()
async function call(subject: string | undefined, name: string, args: object): Promise<string> {
  const about = { issuer: 'https://a.example', clientId: 'ada', expiresAt: 100, scopes: [], claims: {} }
  const auth = createAuthInfo('a-token', { ...about, subject }, resource, new Set<string>())
  const params = { name, arguments: args }
  const request = new Request(resource, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
  // Why a server cannot be made is for the log of the program.
  const answer = await notes(storage)(request, auth).catch((error: unknown) => String(error))
  return typeof answer === 'string' ? answer : answer.text()
}

test('RFC 9068 §5 a token without a user reads no notes, not even of a user whose id is the client’s', async () => {
  expect(await call('ada', 'write_note', { title: 'Mine', text: 'a secret' })).toContain('Wrote')
  expect(await call('ada', 'read_note', { title: 'Mine' })).toContain('a secret')
  const answer = await call(undefined, 'read_note', { title: 'Mine' })
  expect(answer).not.toContain('a secret')
  expect(answer).not.toContain('There is no note')
})

test.each(['__proto__', 'constructor', 'toString'])(
  'there is no note %s until it is written',
  async (title) => {
    expect(await call('bob', 'read_note', { title })).toContain('There is no note')
    await call('bob', 'write_note', { title, text: 'written' })
    expect(await call('bob', 'read_note', { title })).toContain('written')
  },
)
