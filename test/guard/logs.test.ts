import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { consoleEvents } from '../../src/telemetry/console.ts'
import { issuer, key, post, resourceB, start, token, world } from '../support/guard.ts'

const printed: string[] = []
const methods = ['log', 'info', 'warn', 'error', 'debug'] as const

beforeEach(() => {
  printed.length = 0
  for (const method of methods)
    vi.spyOn(console, method).mockImplementation(
      (...args: unknown[]) => void printed.push(args.map(String).join(' ')),
    )
})
afterEach(() => vi.restoreAllMocks())

/** Everything that somebody could read of an error. */
const readable = (error: unknown): string =>
  error instanceof Error ? [error.message, error.stack, readable(error.cause)].join(' ') : String(error)

test('LG1 no token, and no 16 characters of one, in events, answers, errors or on the console', async () => {
  const it = await world({ events: true, options: { requiredScopes: ['notes:write'] } })
  const tokens = [
    await token(),
    await token({ scope: 'notes:write' }),
    await token({ exp: start - 60 }),
    await token({ aud: resourceB }),
    await token({ iss: 'https://evil.test' }),
    await token({}, { typ: 'JWT' }),
    await token({}, {}, await key('unknown')),
    `${await token()}x`,
    `opaque-token-${'0123456789abcdef'.repeat(4)}`,
  ]
  const seen: string[] = []
  for (const text of tokens) {
    const response = await it.call(post(text, { origin: 'https://app.test' }))
    seen.push(await response.text(), JSON.stringify([...response.headers]))
    await it.call(post(undefined, {}, `https://mcp.test/mcp?access_token=${text}`))
  }
  it.outside.routes.clear()
  it.elapsed = 100_000
  seen.push(await (await it.call(post(await token({ exp: start + 200_000 })))).text())
  seen.push(JSON.stringify(it.events), ...printed, JSON.stringify(it.auth))
  const haystack = seen.join('\n')
  for (const text of tokens) {
    for (const part of text.split('.')) {
      // The header of a JWT says nothing about its bearer; what follows does.
      if (part === text.split('.')[0] && text.includes('.')) continue
      expect(haystack).not.toContain(part.slice(0, 16))
      expect(haystack).not.toContain(part.slice(-16))
    }
  }
  expect(printed).toEqual([])
  expect(it.events.length).toBeGreaterThan(tokens.length)
})

test('LG1 what a verifier’s exception quotes stays inside', async () => {
  const secret = 'opaque-secret-token-0123456789'
  const server = customVerifier({
    issuer,
    verify: (text) => {
      throw new Error(`cannot judge ${text}`, { cause: text })
    },
  })
  const it = await world({ events: true, options: { authorizationServers: [server] } })
  const response = await it.call(post(secret))
  const all = [
    await response.text(),
    JSON.stringify([...response.headers]),
    JSON.stringify(it.events),
    ...printed,
  ]
  expect(all.join()).not.toContain(secret.slice(0, 16))
  const failed = await server
    .verifier('https://mcp.test/mcp', {})
    .verify(secret)
    .catch((error: unknown) => error)
  expect(readable(failed)).not.toContain(secret.slice(0, 16))
})

test('LG2 one event for each decision, with who and why, and the clock’s time', async () => {
  const it = await world({
    events: true,
    options: { requiredScopes: ['notes:read'], allowedOrigins: ['https://app.test'] },
  })
  it.elapsed = 5
  const types = async (request: Request): Promise<string[]> => {
    it.events.length = 0
    await it.call(request)
    return it.events.map(({ type, level }) => `${type} ${level}`)
  }
  const good = await token()
  expect(await types(post())).toEqual(['token.missing info'])
  expect(await types(post(good))).toEqual(['token.accepted info'])
  expect(it.events[0]).toEqual({
    type: 'token.accepted',
    level: 'info',
    at: start + 5,
    issuer,
    resource: 'https://mcp.test/mcp',
    clientId: 'client-1',
    subject: 'alice',
  })
  expect(await types(post(good))).toEqual(['token.accepted info'])
  expect(await types(post('bad'))).toEqual(['token.rejected warning'])
  expect(it.events[0]).toMatchObject({ error: 'invalid_token', status: 401 })
  expect(await types(post(await token({ scope: 'x' })))).toEqual(['scope.insufficient warning'])
  expect(it.events[0]).toMatchObject({ subject: 'alice', clientId: 'client-1', status: 403 })
  expect(await types(post(good, { origin: 'https://evil.test' }))).toEqual(['request.refused warning'])
  expect(await types(post(undefined, { authorization: 'Bearer a, Bearer b' }))).toEqual([
    'request.refused warning',
  ])
  it.outside.routes.clear()
  it.elapsed = 100_000
  expect(await types(post(await token({ exp: start + 200_000 })))).toEqual([
    'keys.unavailable warning',
    'verifier.unavailable warning',
  ])
})

test('LG2 an event is one bounded line, whatever a token says', async () => {
  const evil = `a\r\nfake: event \u001b[31m\u202e${'x'.repeat(1500)}`
  const it = await world({ events: true })
  await it.call(post(await token({ sub: evil, client_id: evil.slice(0, 30) })))
  const lines: string[] = []
  const print = consoleEvents({ write: (line) => lines.push(line) })
  for (const event of it.events) print(event)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info {4}token\.accepted resource=https:\/\/mcp\.test\/mcp issuer=/,
  )
  expect(lines[0]!.length).toBeLessThan(1000)
  expect(lines[0]).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(lines[0]).toContain('fake: event')
})

test('LG2 what weakens a default is told once, at the start', async () => {
  const { events } = await world({ events: true })
  expect(events).toEqual([])
  const weak = await world({ events: true, options: { dangerouslyAllowHttp: ['http://mcp:3000'] } })
  await weak.rs.authenticate(post())
  expect(weak.events.filter(({ type }) => type === 'option.weakening')).toMatchObject([
    { level: 'warning', detail: 'dangerouslyAllowHttp' },
  ])
})

test('LG2 an audit hook that throws fails no request', async () => {
  const it = await world({
    options: {
      onEvent: () => {
        throw new Error('audit down')
      },
    },
  })
  expect((await it.call(post(await token()))).status).toBe(200)
  expect((await it.call(post('bad'))).status).toBe(401)
})

test('LG1 a thrown error of the guard carries no token', async () => {
  const it = await world({
    answer: () => {
      throw new Error('handler failed')
    },
  })
  const text = await token()
  const failed = await it.call(post(text)).catch((error: unknown) => error)
  expect(readable(failed)).not.toContain(text.slice(-16))
})
