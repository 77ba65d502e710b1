// RC18: the drop-in verifier inside the real mcp-handler, version 2.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest'
import { authOptions, verifyToken, type McpHandlerAuthOptions } from '../../src/adapter/mcp-handler.ts'
import type { AuthInfo, ResourceServerOptions } from '../../src/index.ts'
import { metadataA, post, resourceA, resourceB, token, world, type World } from '../support/guard.ts'
import { install } from '../support/runtime-next.ts'

// It is installed first, where that has not been done.
vi.setConfig({ hookTimeout: 300_000 })

/** As much of the package as is used. */
interface McpHandler {
  withMcpAuth(
    handler: (request: Request) => Response | Promise<Response>,
    verifyToken: (request: Request, token?: string) => Promise<unknown>,
    options?: object,
  ): (request: Request) => Promise<Response>
}

let withMcpAuth: McpHandler['withMcpAuth']
beforeAll(async () => {
  await install('tools/mcp-handler')
  const folder = join(import.meta.dirname, '../../tools/mcp-handler/')
  withMcpAuth = (createRequire(folder)('mcp-handler') as McpHandler).withMcpAuth
})

// mcp-handler prints what it does not recognise, tokens in messages included.
let printed: MockInstance
beforeEach(() => {
  printed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  return () => printed.mockRestore()
})

const now = Math.floor(Date.now() / 1000)
const times = { iat: now, exp: now + 900 }

interface Opened extends World {
  ask(request: Request): Promise<{ status: number; challenge: string; body: Record<string, unknown> }>
}

/** `withMcpAuth` before a handler that says what it got. */
async function open(
  options: Partial<ResourceServerOptions> = {},
  own: McpHandlerAuthOptions = {},
  theirs?: object,
): Promise<Opened> {
  const made = await world({ options: { clock: () => Date.now() / 1000, ...options } })
  let calls = 0
  const guarded = withMcpAuth(
    async (request) => {
      made.calls = ++calls
      const auth = (request as Request & { auth?: AuthInfo }).auth
      const body = request.body === null ? '' : await request.text()
      return Response.json({ subject: auth?.subject ?? 'anonymous', token: auth?.token.slice(0, 2), body })
    },
    verifyToken(made.rs, own),
    theirs ?? authOptions(made.rs, own),
  )
  return Object.assign(made, {
    async ask(request: Request) {
      const response = await guarded(request)
      return {
        status: response.status,
        challenge: response.headers.get('www-authenticate') ?? '',
        body: (await response.json()) as Record<string, unknown>,
      }
    },
  })
}

describe('RC18 verifyToken in withMcpAuth', () => {
  test('a good token gets in, with the body of the request', async () => {
    const { ask } = await open({ requiredScopes: ['notes:read'] })
    const headers = { authorization: `Bearer ${await token(times)}` }
    const request = new Request(resourceA, { method: 'POST', headers, body: '{"id":1}' })
    expect(await ask(request)).toMatchObject({
      status: 200,
      body: { subject: 'alice', token: 'ey', body: '{"id":1}' },
    })
  })

  test('RFC 9728 §5.1 the challenge names our metadata, not the host that the request names', async () => {
    const { ask } = await open({ requiredScopes: ['notes:read'] })
    const { status, challenge } = await ask(post(undefined, { 'x-forwarded-host': 'evil.test' }))
    expect(status).toBe(401)
    expect(challenge).toContain(`resource_metadata="${metadataA}"`)
    expect(challenge).toContain('scope="notes:read"')
  })

  test.each([
    ['for another resource', { aud: resourceB }],
    ['that has expired', { exp: now - 100 }],
  ])('RFC 6750 §3.1 a token %s: 401 invalid_token, and no tool runs', async (_, claims) => {
    const made = await open()
    const { status, challenge, body } = await made.ask(post(await token({ ...times, ...claims })))
    expect([status, body['error'], made.calls]).toEqual([401, 'invalid_token', 0])
    expect(challenge).toContain('error="invalid_token"')
  })

  test('RFC 6750 §3.1 a missing scope: 403 insufficient_scope, and no tool runs', async () => {
    const made = await open({ requiredScopes: ['notes:write'] })
    const { status, challenge, body } = await made.ask(post(await token(times)))
    expect([status, body['error'], made.calls]).toEqual([403, 'insufficient_scope', 0])
    expect(challenge).toContain('scope="notes:write"')
  })

  test.each([{ optional: false }, { optional: true }])(
    'an outage is 500 temporarily_unavailable, never 401, and no tool runs: %o',
    async (own) => {
      const made = await open({}, own)
      made.outside.routes.clear()
      const { status, challenge, body } = await made.ask(post(await token(times)))
      expect([status, challenge, body['error'], made.calls]).toEqual([500, '', 'temporarily_unavailable', 0])
      expect(printed).not.toHaveBeenCalled()
    },
  )

  test('several credentials and a foreign Host (DNS rebinding) are 400, and no tool runs', async () => {
    const resource = 'http://127.0.0.1:3000/mcp'
    const made = await open({ resource })
    const bearer = await token({ ...times, aud: resource })
    expect((await made.ask(post(bearer, {}, resource))).status).toBe(200)
    const several = { authorization: `Bearer ${bearer}, Bearer ${bearer}` }
    for (const request of [
      post(undefined, several, resource),
      post(bearer, { host: 'evil.test' }, 'http://evil.test:3000/mcp'),
    ])
      expect((await made.ask(request)).status).toBe(400)
    expect(made.calls).toBe(1)
  })

  test('optional: a request without a token reaches the handler, one with a bad token does not', async () => {
    const made = await open({}, { optional: true })
    expect((await made.ask(post())).body['subject']).toBe('anonymous')
    expect((await made.ask(post(await token(times)))).body['subject']).toBe('alice')
    expect((await made.ask(post('bad'))).status).toBe(401)
    expect(made.calls).toBe(2)
  })

  test('`required: false`, which is the default there, opens nothing by itself', async () => {
    const made = await open({}, {}, {})
    expect((await made.ask(post())).status).toBe(401)
    expect((await made.ask(post(await token(times)))).status).toBe(200)
    expect(made.calls).toBe(1)
  })

  test('U2 what is thrown beside the verifiers is 500, and is printed by onError only', async () => {
    const told: unknown[] = []
    const boom = new Error('PUBLIC_URL is not set')
    const broken = verifyToken(
      () => {
        throw boom
      },
      { onError: (error) => void told.push(error) },
    )
    const response = await withMcpAuth(() => new Response(), broken)(post(await token(times)))
    expect([response.status, await response.json()]).toEqual([
      500,
      { error: 'server_error', error_description: 'The token could not be judged' },
    ])
    expect(told).toEqual([boom])
    expect(printed).not.toHaveBeenCalled()
  })
})
