// RC18: the drop-in verifier inside the official SDKs' own middlewares, v1 on Express and v2.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as errors from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth as requireV1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { OAuthTokenVerifier as VerifierV1 } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import {
  requireBearerAuth as requireV2,
  requireScopes,
  verifyBearerToken,
  type OAuthTokenVerifier as VerifierV2,
} from '@modelcontextprotocol/server'
import express from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import { bearerAuth, tokenVerifier, type BearerAuth } from '../../src/adapter/mcp-sdk.ts'
import { InvalidTokenError, isOAuthError } from '../../src/errors.ts'
import type { AuthInfo, ResourceServerOptions, TollgateEvent } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { metadataA, post, resourceB, token, world, type World } from '../support/guard.ts'

const now = Math.floor(Date.now() / 1000)
const times = { iat: now, exp: now + 900 }
const clock = (): number => Date.now() / 1000

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

interface Answer {
  status: number
  challenge: string | null
  body: Record<string, unknown>
}

/** Each SDK's middleware before a handler that says what it got. */
const sdks: Record<string, (options: BearerAuth) => Promise<(bearer?: string) => Promise<Answer>>> = {
  'SDK v1 on Express': async (options) => {
    const app = express()
    app.post('/mcp', requireV1(options), (req, res) => void res.json(seen(req.auth as unknown as AuthInfo)))
    const server = createServer(app).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return async (bearer) => {
      const headers = new Headers(bearer === undefined ? [] : [['authorization', `Bearer ${bearer}`]])
      return answerOf(await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers }))
    }
  },
  'SDK v2': async (options) => {
    const gate = requireV2(options)
    return async (bearer) => {
      const auth = await gate(post(bearer))
      return answerOf(auth instanceof Response ? auth : Response.json(seen(auth as unknown as AuthInfo)))
    }
  },
}

const seen = (auth: AuthInfo): object => ({
  subject: auth.subject,
  scopes: auth.scopes,
  resource: auth.resource.href,
  hasToken: auth.token.startsWith('ey'),
  mayRead: auth.hasScope('notes:read'),
})

const answerOf = async (response: Response): Promise<Answer> => ({
  status: response.status,
  challenge: response.headers.get('www-authenticate'),
  body: (await response.json()) as Record<string, unknown>,
})

type Ask = (bearer?: string) => Promise<Answer>

describe.each(Object.entries(sdks))('RC18 bearerAuth in %s', (name, start) => {
  const own = name.includes('v1') ? { errors } : {}
  const open = async (options: Partial<ResourceServerOptions> = {}): Promise<World & { ask: Ask }> => {
    const made = await world({
      events: true,
      options: {
        clock,
        requiredScopes: ['notes:read'],
        scopeImplies: { 'notes:write': ['notes:read'] },
        ...options,
      },
    })
    return Object.assign(made, { ask: await start(bearerAuth(made.rs, own)) })
  }

  test('a good token gets in, also by an implied scope; the handler has token and methods', async () => {
    const { ask } = await open()
    for (const scope of ['notes:read', 'notes:write']) {
      const { status, body } = await ask(await token({ ...times, scope }))
      expect(status).toBe(200)
      expect(body).toMatchObject({
        subject: 'alice',
        resource: 'https://mcp.test/mcp',
        hasToken: true,
        mayRead: true,
      })
    }
  })

  test('RFC 9728 §5.1 no token: 401 that names metadata and scope', async () => {
    const { ask } = await open()
    const { status, challenge } = await ask()
    expect(status).toBe(401)
    expect(challenge).toContain(`resource_metadata="${metadataA}"`)
    expect(challenge).toContain('scope="notes:read"')
  })

  test.each([
    ['for another resource', { aud: resourceB }],
    ['that has expired', { exp: now - 100 }],
    ['of another issuer', { iss: 'https://evil.test' }],
  ])('RFC 6750 §3.1 a token %s: 401 invalid_token', async (_, claims) => {
    const { ask, events } = await open()
    const { status, challenge, body } = await ask(await token({ ...times, ...claims }))
    expect(status).toBe(401)
    expect(challenge).toMatch(/^Bearer error="invalid_token", error_description="[^"\\]+", scope=/)
    expect(challenge).toContain(`resource_metadata="${metadataA}"`)
    expect(body['error']).toBe('invalid_token')
    expect(events.map(({ type }) => type)).toEqual(['token.rejected'])
  })

  test('RFC 6750 §3.1 a missing scope: 403 insufficient_scope that names what is needed', async () => {
    const { ask, events } = await open()
    const { status, challenge, body } = await ask(await token({ ...times, scope: 'other' }))
    expect(status).toBe(403)
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="notes:read"')
    expect(body['error']).toBe('insufficient_scope')
    expect(events.map(({ type }) => type)).toEqual(['scope.insufficient'])
  })

  test('a token that is too long: 400, because a new sign-in would bring the same one', async () => {
    const { ask } = await open({ maxTokenLength: 1024 })
    const { status, body } = await ask('a'.repeat(2000))
    expect([status, body['error']]).toEqual([400, 'invalid_request'])
  })

  test('an outage of the key set: 500 temporarily_unavailable without a challenge, never 401', async () => {
    const { ask, outside, events } = await open()
    outside.routes.clear()
    const { status, challenge, body } = await ask(await token(times))
    expect([status, challenge]).toEqual([500, null])
    expect(body).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The token cannot be judged at the moment',
    })
    expect(events.map(({ type }: TollgateEvent) => type)).toContain('verifier.unavailable')
  })

  test('RFC 6750 §3 what a custom verifier says cannot break the challenge', async () => {
    const text = 'no "quotes", no \\ and no\r\nX-Injected: 1'
    const verify = (): never => {
      throw new InvalidTokenError(text)
    }
    const { ask } = await open({
      authorizationServers: [customVerifier({ issuer: 'https://own.test', verify })],
    })
    const { status, challenge } = await ask('opaque')
    expect(status).toBe(401)
    expect(challenge).toContain('error_description="no quotes, no  and noX-Injected: 1"')
  })
})

test('RC18 SDK v1 without its classes answers 500, and lets nothing in', async () => {
  const { rs } = await world({ options: { clock } })
  const ask = await sdks['SDK v1 on Express']!(bearerAuth(rs))
  expect((await ask('bad')).status).toBe(500)
  expect((await ask(await token(times))).status).toBe(200)
})

test('RC18 SDK v2 verifyBearerToken: the error says 503 and when to come back', async () => {
  const { rs, outside } = await world({ options: { clock } })
  outside.routes.clear()
  const error = await verifyBearerToken(`Bearer ${await token(times)}`, bearerAuth(rs)).catch(
    (reason: unknown) => reason,
  )
  expect(isOAuthError(error) && [error.status, typeof error.retryAfter]).toEqual([503, 'number'])
})

test('RC18 SDK v2 scopes per tool: its challenge takes scopes and metadata from our AuthInfo', async () => {
  const { rs } = await world({ options: { clock } })
  const authInfo = await tokenVerifier(rs).verifyAccessToken(await token(times))
  const request = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call' }
  expect(await requireScopes('notes:read')({ request, authInfo })).toBeUndefined()
  expect(await requireScopes('notes:write')({ request, authInfo })).toEqual({ scopes: ['notes:write'] })
  expect(authInfo.resourceMetadataUrl).toBe(metadataA)
})

test('RC18 the verifier is what each SDK declares', async () => {
  const { rs } = await world()
  const v1: VerifierV1 = tokenVerifier(rs, { errors })
  const v2: VerifierV2 = tokenVerifier(rs)
  expect([typeof v1.verifyAccessToken, typeof v2.verifyAccessToken]).toEqual(['function', 'function'])
})
