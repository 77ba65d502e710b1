import { expect, test, vi } from 'vitest'
import { ConfigurationError, InvalidTokenError, UnavailableError } from '../../src/errors.ts'
import {
  apiKeyVerifier,
  createApiKey,
  hashApiKey,
  type ApiKey,
  type ApiKeyOptions,
} from '../../src/resource-server/verify/api-keys.ts'
import type { TokenVerifier } from '../../src/types.ts'

const now = 1_790_000_000
const resource = 'https://mcp.test/mcp'

const verifier = (options: Omit<ApiKeyOptions, 'prefix'>, clock = (): number => now): TokenVerifier =>
  apiKeyVerifier({ prefix: 'notes_', ...options }).verifier(resource, { clock })

async function alices(over: Partial<ApiKey> = {}): Promise<{ key: string; entry: ApiKey }> {
  const { key, hash } = await createApiKey('notes_')
  return { key, entry: { hash, subject: 'alice', scopes: ['notes:read'], ...over } }
}

test('a key is known by its hash, and brings its subject and scopes', async () => {
  const { key, entry } = await alices({ clientId: 'ci', props: { team: 1 } })
  const found = await verifier({ keys: [entry] }).verify(key)
  expect(found).toMatchObject({
    issuer: 'urn:tollgate:api-keys',
    subject: 'alice',
    clientId: 'ci',
    scopes: ['notes:read'],
    props: { team: 1 },
    expiresAt: now + 3600,
    cacheUntil: now + 60,
  })
  expect(JSON.stringify(found)).not.toContain(key)
})

test('the key itself is nowhere in what is kept: 200 random bits behind the prefix, and a hash', async () => {
  const { key, hash } = await createApiKey('notes_')
  expect(key).toMatch(/^notes_[A-Za-z0-9_-]{34}$/)
  expect(hash).toBe(await hashApiKey(key))
  expect(hash).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect((await createApiKey('notes_')).key).not.toBe(key)
})

test('unknown, altered and expired keys are invalid tokens', async () => {
  const { key, entry } = await alices({ expiresAt: now })
  const judge = verifier({ keys: [entry] })
  for (const bad of [key, `${key}x`, key.slice(0, -1), 'notes_', 'notes_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])
    await expect(judge.verify(bad)).rejects.toThrow(InvalidTokenError)
})

test('it accepts only what begins with its prefix, so that OAuth tokens go to the others', () => {
  const judge = verifier({ keys: [] })
  expect(judge.accepts!('notes_x')).toBe(true)
  expect(judge.accepts!('Notes_x')).toBe(false)
  expect(judge.accepts!('eyJhbGciOiJFUzI1NiJ9.e30.x')).toBe(false)
})

test('keys from a database are asked for by hash, never by key', async () => {
  const { key, entry } = await alices()
  const keys = vi.fn(async (hash: string) => (hash === entry.hash ? entry : undefined))
  expect((await verifier({ keys, ttl: 0 }).verify(key)).cacheUntil).toBe(now)
  expect(keys.mock.calls).toEqual([[entry.hash]])
})

test('a lookup that returns the record of another key is refused', async () => {
  const { entry } = await alices()
  await expect(verifier({ keys: () => entry }).verify('notes_anything')).rejects.toThrow(InvalidTokenError)
})

test('a database out of reach is 503, and says nothing about the key', async () => {
  const { key } = await alices()
  const keys = (): Promise<ApiKey> => Promise.reject(new Error('connection refused'))
  const error = await verifier({ keys })
    .verify(key)
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UnavailableError)
  expect(String(error)).not.toContain(key)
})

test('RFC 9745, RFC 8594 deprecation and sunset travel with the result; from the sunset on keys are refused', async () => {
  const { key, entry } = await alices()
  const deprecation = { since: now - 10, sunset: now + 100, documentation: 'https://mcp.test/docs/oauth' }
  let time = now
  const judge = verifier({ keys: [entry], deprecation }, () => time)
  const found = await judge.verify(key)
  expect(found.expiresAt).toBe(now + 100)
  expect(found.responseHeaders).toEqual({
    Deprecation: `@${now - 10}`,
    Sunset: new Date((now + 100) * 1000).toUTCString(),
    Link: '<https://mcp.test/docs/oauth>; rel="deprecation"; type="text/html"',
  })
  time = now + 100
  await expect(judge.verify(key)).rejects.toThrow(InvalidTokenError)
})

test('G25 a key that is kept ends when it expires and at the sunset, however long results are kept', async () => {
  const { key, entry } = await alices({ expiresAt: now + 10 })
  expect((await verifier({ keys: [entry] }).verify(key)).cacheUntil).toBe(now + 10)
  const lasting = await alices()
  const judge = verifier({ keys: [lasting.entry], deprecation: { since: now, sunset: now + 20 } })
  expect((await judge.verify(lasting.key)).cacheUntil).toBe(now + 20)
})

test('it stands in no metadata: there is no such authorization server', () => {
  expect(apiKeyVerifier({ prefix: 'notes_', keys: [] }).listed).toBe(false)
})

test.each([
  ['prefix', { keys: [], prefix: '' }],
  ['prefix', { keys: [], prefix: 'with space' }],
  ['keys', { keys: 'x', prefix: 'notes_' }],
  ['keys[0].hash', { prefix: 'notes_', keys: [{ hash: 'the key itself', subject: 's', scopes: [] }] }],
  ['keys[0].subject', { prefix: 'notes_', keys: [{ hash: 'A'.repeat(43), subject: '', scopes: [] }] }],
  ['keys[0].scopes', { prefix: 'notes_', keys: [{ hash: 'A'.repeat(43), subject: 's', scopes: ['a b'] }] }],
  ['ttl', { keys: [], prefix: 'notes_', ttl: -1 }],
  ['deprecation.since', { keys: [], prefix: 'notes_', deprecation: { since: 'x' } }],
  ['deprecation.sunset', { keys: [], prefix: 'notes_', deprecation: { since: 2, sunset: 1 } }],
  [
    'deprecation.documentation',
    { keys: [], prefix: 'notes_', deprecation: { since: 1, documentation: 'x' } },
  ],
  ['unknown', { keys: [], prefix: 'notes_', unknown: 1 }],
])('a wrong %s is refused at construction', (option, options) => {
  expect(() => apiKeyVerifier(options as never)).toThrow(ConfigurationError)
  expect(() => apiKeyVerifier(options as never)).toThrow(option)
})

test('the message about a wrong hash does not show it: it may be the key itself', () => {
  const keys = [{ hash: 'notes_the-key-itself', subject: 's', scopes: [] }]
  const construct = (): unknown => apiKeyVerifier({ prefix: 'notes_', keys })
  expect(construct).toThrow('`keys[0].hash` must be what hashApiKey() makes of a key')
  expect(construct).not.toThrow('the-key-itself')
})

test('a hash listed twice is refused at construction', async () => {
  const { entry } = await alices()
  expect(() => apiKeyVerifier({ prefix: 'notes_', keys: [entry, entry] })).toThrow('keys[1].hash')
})
