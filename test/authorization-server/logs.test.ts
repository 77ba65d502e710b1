import { expect, test, vi } from 'vitest'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import type { TollgateEvent } from '../../src/types.ts'
import { clients, basic, confidentialSecret, ok, RES_A, Rig } from '../support/as.ts'

/** Every string that a console call or an event can show. */
function spell(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (seen.has(value)) return ''
  seen.add(value)
  const own = value instanceof Error ? [value.name, value.message, value.stack, value.cause] : []
  return [...own, ...Object.entries(value).flat()].map((each) => spell(each, seen)).join(' ')
}

test('LG1 a whole life and all that goes wrong: no credential in console, events or errors', async () => {
  const said: unknown[] = []
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...args: unknown[]) => void said.push(args)),
  )
  try {
    const rig = new Rig({ checkRevocation: 0 })
    const secrets: string[] = [rig.options.secret as string, confidentialSecret]
    const props = { login: 'planted-props-value-0002' }
    const tokens = await rig.tokens('pub', { props })
    const parts = (text: string): string[] => text.split('.').slice(-2)
    secrets.push(
      tokens.access_token,
      ...parts(tokens.refresh_token),
      tokens.code.split('.')[1]!,
      tokens.verifier,
    )
    secrets.push('planted-props-value-0002')
    await rig.call(tokens.access_token)
    const next = await ok(await rig.refresh(tokens.refresh_token))
    secrets.push(next.access_token.split('.')[2]!, ...parts(next.refresh_token))
    rig.now += 40
    await rig.refresh(tokens.refresh_token)
    rig.now += 10
    await rig.redeem(tokens)
    await rig.call(next.access_token)
    const { authorization } = basic('either', 'a wrong secret that is long enough') as {
      authorization: string
    }
    secrets.push('a wrong secret that is long enough', authorization.slice(6))
    await rig.post({ grant_type: 'refresh_token' }, { headers: { authorization } })
    await rig.post({ grant_type: 'refresh_token', client_id: 'pub\r\n\u001b[31m', refresh_token: 'x' })
    rig.store.before = ({ value }) => {
      throw new Error(`cannot write ${value}`)
    }
    await rig.refresh(next.refresh_token)
    await rig.call(next.access_token)
    rig.store.before = () => undefined
    said.push(rig.events)
    const text = spell(said)
    expect(rig.events.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'grant.created',
        'code.redeemed',
        'token.refreshed',
        'refresh.reused',
        'client.rejected',
      ]),
    )
    for (const each of secrets) {
      expect(text.includes(each.slice(0, 16)), each.slice(0, 4)).toBe(false)
      expect(text.includes(each.slice(-16)), each.slice(0, 4)).toBe(false)
    }
    expect(text).toContain(tokens.grantId)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

test('LG2 control characters and length: one bounded line', async () => {
  const name = `a\r\nb\u001b[31m\u202e${'x'.repeat(10_000)}`
  const odd = { client_id: name, client_secret: 'x'.repeat(20), redirect_uris: ['https://odd.test/cb'] }
  const rig = new Rig({ clients: [...clients, odd] })
  await rig.post({ client_id: name, grant_type: 'refresh_token' })
  await rig.tokens('pub', { clientName: name, subject: `s\n${'x'.repeat(1000)}` })
  for (const event of rig.events)
    for (const [key, value] of Object.entries(event)) {
      expect(String(value)).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      // The id must be complete, so that it can be blocked: sealed ones are long.
      expect(String(value).length).toBeLessThanOrEqual(key === 'clientId' ? 2048 : 200)
    }
  expect(rig.events.map(({ clientId }) => clientId)).toContainEqual(
    expect.stringMatching(/^a {2}b \[31m x+…$/),
  )
})

test('LG1 an unforeseen failure is a bare 500', async () => {
  let broken = false
  const rig: Rig = new Rig({
    clock: () => {
      if (!broken) return rig?.now ?? 1_800_000_000
      broken = false
      throw new SyntaxError('it quotes what it choked on')
    },
  })
  const tokens = await rig.tokens()
  broken = true
  const response = await rig.refresh(tokens.refresh_token)
  expect(response.status).toBe(500)
  expect(await response.json()).toEqual({
    error: 'server_error',
    error_description: 'Something went wrong here',
  })
  expect(rig.events.at(-1)).toMatchObject({
    type: 'server.error',
    detail: 'POST /token: SyntaxError',
    level: 'alert',
  })
  expect(await rig.call(tokens.access_token, rig.guard, RES_A)).toBe(200)
})

test('LG2 what weakens a default is told once, at the start', () => {
  const told: string[] = []
  const onEvent = ({ type, level, detail }: TollgateEvent): void =>
    void told.push(`${level} ${type}: ${detail}`)
  const { store, resources } = new Rig().options
  const loopback = { issuer: 'http://127.0.0.1:8787', store, resources, onEvent }
  createAuthorizationServer({
    ...loopback,
    signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
  })
  expect(told).toEqual([])
  createAuthorizationServer({ ...loopback, signIn: dangerouslyDevSignIn() })
  expect(told).toEqual(['warning option.weakening: dangerouslyDevSignIn'])
})
