// admit: what `protect`, `optional` and the adapters are built on.
import { afterEach, expect, test, vi } from 'vitest'
import { createResourceServer, InvalidTokenError } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import type { AdmitNeed, AdmittedRequest } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { bodyElsewhere, removeCredential } from '../../src/lib/own-request.ts'
import {
  answer,
  issuer,
  metadataA,
  post,
  resourceA,
  start,
  token,
  verdict,
  world,
  type World,
} from '../support/guard.ts'

afterEach(() => {
  vi.useRealTimers()
})

async function admitted(it: World, request: Request, need?: AdmitNeed): Promise<AdmittedRequest> {
  const result = await it.rs.admit(request, need)
  if (result instanceof Response) throw new Error(`refused: ${await verdict(result)}`)
  return result
}

const refused = async (it: World, request: Request, need?: AdmitNeed): Promise<Response> => {
  const result = await it.rs.admit(request, need)
  if (!(result instanceof Response)) throw new Error('admitted')
  return result
}

const call = (bearer: string | undefined, method: string, params: object = {}): Request =>
  new Request(post(bearer), { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })

test('a good token: auth, the request and an answer that is not for shared caches', async () => {
  const it = await world()
  const request = post(await token(), { origin: 'https://app.test' })
  const admission = await admitted(it, request)
  expect(admission.auth).toMatchObject({ subject: 'alice', scopes: ['notes:read'] })
  expect(admission.request).toBe(request)
  const response = admission.finish(new Response('own', { status: 201 }))
  expect([response.status, await response.text()]).toEqual([201, 'own'])
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
})

test('what protect answers itself, admit answers too', async () => {
  const it = await world({ options: { requiredScopes: ['notes:read'] } })
  expect(await verdict(await refused(it, post()))).toBe('401-none')
  expect(await verdict(await refused(it, post('bad')))).toBe('401-tok')
  const lacking = await refused(it, post(await token()), { scopes: ['notes:write'] })
  expect([await verdict(lacking), answer(lacking).scope]).toEqual(['403-scope', 'notes:read notes:write'])
  const two = post(await token())
  two.headers.append('authorization', 'Bearer x')
  expect(await verdict(await refused(it, two))).toBe('400-req')
  expect((await refused(it, new Request(metadataA))).status).toBe(200)
  const preflight = { origin: 'https://app.test', 'access-control-request-method': 'POST' }
  expect((await refused(it, new Request(resourceA, { method: 'OPTIONS', headers: preflight }))).status).toBe(
    204,
  )
})

test('optional admits a request without a token, and still refuses a bad one', async () => {
  const it = await world()
  const anonymous = await admitted(it, post(), { optional: true })
  expect(anonymous.auth).toBeUndefined()
  expect(anonymous.finish(new Response('public')).headers.get('cache-control')).toBeNull()
  expect((await admitted(it, post(await token()), { optional: true })).auth?.subject).toBe('alice')
  expect(await verdict(await refused(it, post('bad'), { optional: true }))).toBe('401-tok')
  expect(await verdict(await refused(it, post(), { optional: false }))).toBe('401-none')
})

test('operations are judged, the request carries the judged body, and finish filters lists', async () => {
  const operations = operationScopes(
    { 'tools/call': { write_note: ['notes:write'] } },
    { filterLists: true, default: 'deny' },
  )
  const it = await world()
  const good = await token()
  const denied = await refused(it, call(good, 'tools/call', { name: 'write_note' }), { operations })
  expect([await verdict(denied), answer(denied).scope]).toEqual(['403-scope', 'notes:write'])
  const admission = await admitted(it, call(good, 'tools/list'), { operations })
  expect(await admission.request.json()).toMatchObject({ method: 'tools/list' })
  const tools = [{ name: 'write_note' }]
  const listed = admission.finish(Response.json({ jsonrpc: '2.0', id: 1, result: { tools } }))
  expect(await listed.json()).toMatchObject({ result: { tools: [] } })
  // Without a token, what needs a scope is 401 and not an open door.
  const open = { operations, optional: true }
  expect(await verdict(await refused(it, call(undefined, 'tools/call', { name: 'write_note' }), open))).toBe(
    '401-none',
  )
  expect((await admitted(it, call(undefined, 'tools/list'), open)).auth).toBeUndefined()
})

test('G39 the token is taken off the request with stripAuthorization, and off a request that an adapter made', async () => {
  const it = await world({ options: { stripAuthorization: true } })
  const text = await token()
  const stripped = await admitted(it, post(text))
  expect(stripped.request.headers.has('authorization')).toBe(false)
  expect(stripped.auth?.token).toBe(text)
  const plain = await world()
  const request = post(await token())
  const remove = vi.fn(() => request.headers.delete('authorization'))
  const own = await admitted(plain, Object.assign(request, { [removeCredential]: remove }))
  expect(own.request.headers.has('authorization')).toBe(false)
  expect(remove).toHaveBeenCalledOnce()
  expect((await admitted(plain, post(await token()))).request.headers.has('authorization')).toBe(true)
})

test('G39 a request that the handler gets a copy of loses the token, too', async () => {
  const operations = operationScopes({})
  const text = await token()
  const stripping = await world({ options: { stripAuthorization: true } })
  const original = call(text, 'ping')
  const admission = await admitted(stripping, original, { operations })
  expect(admission.request).not.toBe(original)
  expect(await admission.request.json()).toMatchObject({ method: 'ping' })
  for (const each of [admission.request, original]) expect(each.headers.has('authorization')).toBe(false)
  const own = call(text, 'ping')
  const remove = vi.fn(() => own.headers.delete('authorization'))
  const plain = await world()
  const copied = await admitted(plain, Object.assign(own, { [removeCredential]: remove }), { operations })
  expect(copied.request.headers.has('authorization')).toBe(false)
  expect(remove).toHaveBeenCalledOnce()
})

test('authenticate takes no token off the request that it is asked about', async () => {
  const it = await world({ options: { stripAuthorization: true } })
  const request = post(await token())
  const remove = vi.fn()
  Object.assign(request, { [removeCredential]: remove })
  for (let i = 0; i < 2; i++) expect(await it.rs.authenticate(request)).toMatchObject({ subject: 'alice' })
  expect(request.headers.has('authorization')).toBe(true)
  expect(remove).not.toHaveBeenCalled()
})

test('a wrong need is told with its name', async () => {
  const it = await world()
  await expect(it.rs.admit(post(), { optinal: true } as never)).rejects.toThrow(/did you mean "optional"/)
  await expect(it.rs.admit(post(), { optional: 'yes' as never })).rejects.toThrow(
    /^`need\.optional` must be true or false/,
  )
  await expect(it.rs.admit(post(), { resource: 'https://other.test/mcp' })).rejects.toThrow(
    /^`need\.resource` must be/,
  )
  // A need that `admit` has checked is checked anew by `authenticate`, which judges no operations.
  const need = { operations: operationScopes({}) }
  await admitted(it, call(await token(), 'ping'), need)
  await expect(it.rs.authenticate(post(await token()), need as never)).rejects.toThrow(/operations/)
})

/** A guard whose one token can be revoked. */
function revocable(): { rs: ReturnType<typeof createResourceServer>; revoke: () => void } {
  let revoked = false
  const verifier = customVerifier({
    issuer,
    verify: () => {
      if (revoked) throw new InvalidTokenError('revoked')
      return { clientId: 'c', scopes: [], expiresAt: start + 900 }
    },
  })
  const clock = (): number => Date.now() / 1000
  return {
    rs: createResourceServer({ resource: resourceA, authorizationServers: [verifier], clock }),
    revoke: () => {
      revoked = true
    },
  }
}

async function watch(
  rs: ReturnType<typeof createResourceServer>,
  init: RequestInit,
): Promise<{ ended: () => number; stop: () => void }> {
  const headers = { authorization: 'Bearer t' }
  const result = await rs.admit(new Request(resourceA, { headers, ...init }))
  if (result instanceof Response) throw new Error('refused')
  let ended = 0
  const stop = result.onEnd(() => ended++)
  return { ended: () => ended, stop }
}

test('G37 onEnd: once, when the token of a GET stream has expired', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  const { ended } = await watch(revocable().rs, {})
  await vi.advanceTimersByTimeAsync(899_000)
  expect(ended()).toBe(0)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ended()).toBe(1)
})

test('G37 onEnd: within 30 s of a revocation', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  const { rs, revoke } = revocable()
  const { ended } = await watch(rs, {})
  revoke()
  await vi.advanceTimersByTimeAsync(30_000)
  expect(ended()).toBe(1)
})

test('G37 onEnd: the answer to a request outlives its token, until 3600 s', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } })
  const { ended } = await watch(revocable().rs, { method: 'POST', body })
  await vi.advanceTimersByTimeAsync(3_599_000)
  expect(ended()).toBe(0)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ended()).toBe(1)
})

test('G37 onEnd: at once, if the token of a subscription has expired before the watch begins', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen' })
  const headers = { authorization: 'Bearer t' }
  const result = await revocable().rs.admit(new Request(resourceA, { method: 'POST', headers, body }))
  if (result instanceof Response) throw new Error('refused')
  vi.setSystemTime((start + 901) * 1000)
  const end = vi.fn()
  result.onEnd(end)
  await vi.advanceTimersByTimeAsync(1)
  expect(end).toHaveBeenCalledOnce()
})

test('S18 onEnd: a body that is parsed after the token has expired decides within a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  for (const [method, ends] of [
    ['subscriptions/listen', 1],
    ['tools/call', 0],
  ] as const) {
    vi.setSystemTime(start * 1000)
    let parsed: unknown
    const request = new Request(resourceA, { method: 'POST', headers: { authorization: 'Bearer t' } })
    Object.assign(request, { [removeCredential]: () => undefined, [bodyElsewhere]: () => parsed })
    const result = await revocable().rs.admit(request)
    if (result instanceof Response) throw new Error('refused')
    const end = vi.fn()
    const stop = result.onEnd(end)
    await vi.advanceTimersByTimeAsync(901_000)
    expect(end).not.toHaveBeenCalled()
    parsed = { jsonrpc: '2.0', id: 1, method, params: { name: 'x' } }
    await vi.advanceTimersByTimeAsync(1_000)
    expect(end).toHaveBeenCalledTimes(ends)
    stop()
  }
})

test('onEnd: not after it was stopped, and never for a request without a token', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
  const { rs } = revocable()
  const { ended, stop } = await watch(rs, {})
  stop()
  const anonymous = await rs.admit(new Request(resourceA), { optional: true })
  let ends = 0
  if (!(anonymous instanceof Response)) anonymous.onEnd(() => ends++)
  await vi.advanceTimersByTimeAsync(7_200_000)
  expect([ended(), ends]).toEqual([0, 0])
})
