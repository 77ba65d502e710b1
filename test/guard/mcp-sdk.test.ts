// The verifier for the official SDK: each outcome of the guard as an error that SDK v2 and mcp-handler know
// as their own. The SDKs themselves are in test/adapter/mcp-sdk.test.ts.
import { describe, expect, test } from 'vitest'
import { bearerAuth, tokenVerifier } from '../../src/adapter/mcp-sdk.ts'
import { authOptions, verifyToken } from '../../src/adapter/mcp-handler.ts'
import { InvalidTokenError, isInvalidTokenError, isOAuthError } from '../../src/errors.ts'
import { createResourceServer, type ResourceServer } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import type { AuthInfo, ErrorContext, VerifiedToken } from '../../src/types.ts'
import { issuer, metadataA, post, resourceA, resourceB, token, world } from '../support/guard.ts'

/** What was thrown: how an SDK sees it, and what stays for the caller. */
async function failureOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await work.then(
    () => 'fulfilled',
    (reason: unknown) => reason,
  )
  if (!isOAuthError(error)) return { notOAuth: String(error) }
  const brands = (error as never)[Symbol.for('mcp.sdk.errorBrands')] as ReadonlySet<string>
  const { code, status, retryAfter, message } = error
  return {
    code,
    status,
    retryAfter,
    message,
    body: error.toResponseObject().error,
    branded: brands.has('mcp.OAuthError'),
  }
}

const opaque = (verify: () => never): ReturnType<typeof customVerifier> => customVerifier({ issuer, verify })

describe('RC18 tokenVerifier', () => {
  test('gives the AuthInfo of the guard, with the metadata URL that SDK v2 would otherwise copy it for', async () => {
    const { rs } = await world()
    const verifier = tokenVerifier(rs)
    const bearer = await token()
    const auth = await verifier.verifyAccessToken(bearer)
    const guarded = (await rs.authenticate(post(bearer))) as AuthInfo
    expect({ ...auth }).toEqual({ ...guarded, resourceMetadataUrl: metadataA })
    expect(auth.token).toBe(bearer)
    expect(JSON.stringify(auth)).not.toContain(bearer)
    expect(auth.resource.href).toBe(resourceA)
    expect(auth.hasScope('notes:read')).toBe(true)
    await expect(auth.upstream()).rejects.toThrow('There is no upstream token')
    expect(Object.isFrozen(auth)).toBe(true)
    expect(await verifier.verifyAccessToken(bearer)).toBe(auth)
  })

  test('reports what the guard reports: an accepted token, a rejected one', async () => {
    const { rs, events } = await world({ events: true })
    const { verifyAccessToken } = tokenVerifier(rs)
    await verifyAccessToken(await token())
    await failureOf(verifyAccessToken(await token({ aud: resourceB })))
    expect(events.map(({ type, status }) => [type, status])).toEqual([
      ['token.accepted', undefined],
      ['token.rejected', 401],
    ])
  })

  test.each([
    ['expired', { exp: 1_700_000_000 }],
    ['for another resource', { aud: 'https://other.test/mcp' }],
    ['of another issuer', { iss: 'https://evil.test' }],
  ])('a token that is %s is invalid_token', async (_, claims) => {
    const { rs } = await world()
    const failure = await failureOf(tokenVerifier(rs).verifyAccessToken(await token(claims)))
    expect(failure).toMatchObject({
      code: 'invalid_token',
      status: 401,
      body: 'invalid_token',
      branded: true,
    })
  })

  test.each([
    '',
    ' ',
    'a b',
    'a, Bearer b',
    'line\nbreak',
    'line\r\nX-Injected: 1',
    'nul\0',
    'ключ',
    'a'.repeat(5) + '\u{1f511}',
    undefined as never,
    {} as never,
  ])('what no header can carry, or no token is, is no outage: %j', async (bearer) => {
    const { rs, outside } = await world()
    const failure = await failureOf(tokenVerifier(rs).verifyAccessToken(bearer))
    expect(['invalid_token', 'invalid_request']).toContain(failure['code'])
    expect(failure).toMatchObject({ branded: true })
    expect(outside.requests).toEqual([])
  })

  test('a token that is too long is invalid_request, not invalid_token, which brings the same token again', async () => {
    const { rs } = await world()
    const failure = await failureOf(tokenVerifier(rs).verifyAccessToken('a'.repeat(20_000)))
    expect(failure).toMatchObject({ code: 'invalid_request', body: 'invalid_request' })
    expect(failure['message']).toContain('maxTokenLength')
  })

  test('RFC 6750 §3.1 scopes of the resource and of the verifier: insufficient_scope', async () => {
    const { rs } = await world({ options: { requiredScopes: ['notes:read'] } })
    const { verifyAccessToken } = tokenVerifier(rs, { scopes: ['notes:write'] })
    for (const scope of ['notes:read', 'notes:write', ''])
      expect(await failureOf(verifyAccessToken(await token({ scope })))).toMatchObject({
        code: 'insufficient_scope',
        status: 403,
        body: 'insufficient_scope',
        branded: true,
      })
    const carried = await verifyAccessToken(await token({ scope: 'notes:read notes:write' }))
    expect(carried.scopes).toEqual(['notes:read', 'notes:write'])
  })

  test('an outage is a server error to the SDK, temporarily_unavailable to the client, and never invalid_token', async () => {
    const { rs, outside } = await world()
    outside.routes.clear()
    const failure = await failureOf(tokenVerifier(rs).verifyAccessToken(await token()))
    expect(failure).toMatchObject({
      code: 'server_error',
      status: 503,
      body: 'temporarily_unavailable',
      branded: true,
    })
    expect(failure['retryAfter']).toBeGreaterThan(0)
    expect(failure['message']).toBe('The token cannot be judged at the moment')
  })

  test('U2 what a verifier throws reaches onError of the resource server, and no message', async () => {
    const told: [unknown, ErrorContext][] = []
    const boom = new Error('the database at 10.0.0.7 says secret-token-1')
    const rs = createResourceServer({
      resource: resourceA,
      authorizationServers: [
        opaque(() => {
          throw boom
        }),
      ],
      onError: (...args) => told.push(args),
    })
    for (const judge of [
      () => tokenVerifier(rs).verifyAccessToken('opaque'),
      () => verifyToken(rs)(post('opaque')),
    ]) {
      const failure = await failureOf(judge())
      expect(failure).toMatchObject({ code: 'server_error', body: 'temporarily_unavailable' })
      expect(JSON.stringify(failure)).not.toContain('secret-token-1')
    }
    expect(told.map(([error, { where }]) => [error, where])).toEqual([
      [boom, 'customVerifier.verify'],
      [boom, 'customVerifier.verify'],
    ])
  })

  test('a token that has ended is refused as by the guard, although it was verified before', async () => {
    let ended = false
    const verify = async (): Promise<VerifiedToken> => ({
      issuer,
      clientId: 'c',
      subject: 's',
      scopes: [],
      expiresAt: 4_000_000_000,
      claims: {},
      revalidate() {
        if (ended) throw new InvalidTokenError('The token was revoked')
      },
    })
    const server = { issuer: 'https://other.test', listed: false, verifier: () => ({ verify }) }
    const rs = createResourceServer({ resource: resourceA, authorizationServers: [issuer, server as never] })
    const { verifyAccessToken } = tokenVerifier(rs)
    await verifyAccessToken('opaque')
    ended = true
    expect(await failureOf(verifyAccessToken('opaque'))).toMatchObject({
      code: 'invalid_token',
      message: 'The token was revoked',
    })
  })

  test('several resources: the verifier says which one it is for, and a token for the other is refused', async () => {
    const { rs } = await world({
      options: { resource: [{ resource: resourceA }, { resource: resourceB, requiredScopes: ['b:read'] }] },
    })
    expect(() => tokenVerifier(rs)).toThrow(
      `\`tokenVerifier.resource\` must say which of several resources the tokens are for: "${resourceA}" or "${resourceB}"`,
    )
    const { verifyAccessToken } = tokenVerifier(rs, { resource: resourceB })
    expect(await failureOf(verifyAccessToken(await token()))).toMatchObject({ code: 'invalid_token' })
    const auth = await verifyAccessToken(await token({ aud: resourceB, scope: 'b:read' }))
    expect(auth.resource.href).toBe(resourceB)
    expect(auth.resourceMetadataUrl).toBe('https://mcp.test/.well-known/oauth-protected-resource/b/mcp')
    expect(() => tokenVerifier(rs, { resource: 'https://mcp.test/c' })).toThrow('"https://mcp.test/c"')
  })

  test('of several hosts, too', async () => {
    const { rs } = await world({
      options: { resource: [{ hosts: ['a.test', 'b.test'], path: '/mcp' }] },
    })
    expect(() => tokenVerifier(rs)).toThrow('`tokenVerifier.resource` must say which')
    const { verifyAccessToken } = tokenVerifier(rs, { resource: 'https://b.test/mcp' })
    expect(await failureOf(verifyAccessToken(await token({ aud: 'https://a.test/mcp' })))).toMatchObject({
      code: 'invalid_token',
    })
    const auth = await verifyAccessToken(await token({ aud: 'https://b.test/mcp' }))
    expect(auth.resource.href).toBe('https://b.test/mcp')
  })

  test('a resource on this machine needs no Host of a request', async () => {
    const resource = 'http://127.0.0.1:3000/mcp'
    const { rs } = await world({ options: { resource } })
    const auth = await tokenVerifier(rs).verifyAccessToken(await token({ aud: resource }))
    expect(auth.subject).toBe('alice')
  })

  test('U13 wrong options are refused at construction', async () => {
    const { rs } = await world()
    const make =
      (given: unknown, server: unknown = rs) =>
      () =>
        tokenVerifier(server as never, given as never)
    expect(make({}, {})).toThrow('`tokenVerifier` must get what createResourceServer() returns')
    expect(make({}, () => rs)).toThrow('`tokenVerifier` must get what createResourceServer() returns')
    expect(make({ requiredScopes: ['a'] })).toThrow(
      '`tokenVerifier.requiredScopes` is not an option; did you mean "scopes"?',
    )
    expect(make({ expectedResource: 'x' })).toThrow('; it is the resource of the resource server')
    expect(make({ resourceMetadataUrl: 'x' })).toThrow('; it follows from the resource')
    expect(make({ scopes: 'notes:read' })).toThrow('`scopes` must be a list')
    expect(make({ errors: { InvalidTokenError: Error } })).toThrow(
      '`errors` must be all that @modelcontextprotocol/sdk/server/auth/errors.js exports',
    )
    expect(make({ onError: true })).toThrow('`onError` must be a function')
  })

  test('classes of SDK v1 are thrown if they are given', async () => {
    class SdkError extends Error {
      toResponseObject = (): object => ({ error: this.constructor.name })
    }
    class InvalidTokenError extends SdkError {}
    class InsufficientScopeError extends SdkError {}
    class InvalidRequestError extends SdkError {}
    class ServerError extends SdkError {}
    const errors = { InvalidTokenError, InsufficientScopeError, InvalidRequestError, ServerError }
    const { rs, outside } = await world({ options: { requiredScopes: ['notes:write'] } })
    const { verifyAccessToken } = tokenVerifier(rs, { errors })
    await expect(verifyAccessToken('x')).rejects.toBeInstanceOf(InvalidTokenError)
    await expect(verifyAccessToken(await token())).rejects.toBeInstanceOf(InsufficientScopeError)
    await expect(verifyAccessToken('a'.repeat(20_000))).rejects.toBeInstanceOf(InvalidRequestError)
    outside.routes.clear()
    const fresh = await world({ options: { fetch: outside.fetch } })
    const outage = (await tokenVerifier(fresh.rs, { errors })
      .verifyAccessToken(await token())
      .catch((error: unknown) => error)) as ServerError
    expect(outage).toBeInstanceOf(ServerError)
    expect(outage.toResponseObject()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The token cannot be judged at the moment',
    })
  })

  test('what is thrown beside the verifiers reaches onError, and is 500 without its text', async () => {
    const told: [unknown, ErrorContext][] = []
    const boom = new Error('secret-clock')
    const { rs } = await world({
      options: {
        clock: () => {
          throw boom
        },
      },
    })
    const onError = (...args: [unknown, ErrorContext]): void => void told.push(args)
    const bearer = await token()
    const failures = [
      await failureOf(tokenVerifier(rs, { onError }).verifyAccessToken(bearer)),
      await failureOf(verifyToken(rs, { onError })(post(bearer))),
    ]
    for (const failure of failures) {
      expect(failure).toMatchObject({
        code: 'server_error',
        status: 500,
        body: 'server_error',
        branded: true,
      })
      expect(JSON.stringify(failure)).not.toContain('secret-clock')
    }
    expect(told.map(([error, { where }]) => [error, where])).toEqual([
      [boom, 'verifyAccessToken'],
      [boom, 'verifyToken'],
    ])
  })
})

test('bearerAuth: its mistakes are told under its name', async () => {
  const { rs } = await world({ options: { resource: [{ resource: resourceA }, { resource: resourceB }] } })
  expect(() => bearerAuth(rs)).toThrow('`bearerAuth.resource` must say which of several resources')
  expect(() => bearerAuth(rs, { resource: resourceB, scope: ['a'] } as never)).toThrow('`bearerAuth.scope`')
  expect(bearerAuth(rs, { resource: resourceB }).resourceMetadataUrl).toBe(
    'https://mcp.test/.well-known/oauth-protected-resource/b/mcp',
  )
})

test('bearerAuth: verifier, scopes and metadata of one resource, as requireBearerAuth takes them', async () => {
  const { rs } = await world({ options: { requiredScopes: ['notes:read'] } })
  const options = bearerAuth(rs, { scopes: ['notes:write', 'notes:read'] })
  expect(options).toEqual({
    verifier: { verifyAccessToken: expect.any(Function) },
    requiredScopes: ['notes:read', 'notes:write'],
    resourceMetadataUrl: metadataA,
  })
})

describe('RC18 verifyToken', () => {
  const server = async (options: object = {}): Promise<ResourceServer> => (await world({ options })).rs

  test('judges the request, and gives the AuthInfo of the guard', async () => {
    const rs = await server()
    const bearer = await token()
    const request = post(bearer)
    const auth = await verifyToken(rs)(request, bearer)
    expect(auth).toBe(await rs.authenticate(post(bearer)))
    // What the second parameter says decides nothing.
    expect(await failureOf(verifyToken(rs)(post('bad'), bearer))).toMatchObject({ code: 'invalid_token' })
  })

  test('leaves the body to the handler, also if the token is taken off', async () => {
    for (const stripAuthorization of [false, true])
      for (const optional of [false, true]) {
        const rs = await server({ stripAuthorization })
        const headers = { authorization: `Bearer ${await token()}` }
        const request = new Request(resourceA, { method: 'POST', headers, body: '{"a":1}' })
        expect((await verifyToken(rs, { optional })(request))?.subject).toBe('alice')
        expect(await request.text()).toBe('{"a":1}')
      }
  })

  test('without a token it refuses, whatever `required` of withMcpAuth says', async () => {
    const error = await verifyToken(await server())(post()).catch((reason: unknown) => reason)
    expect(isInvalidTokenError(error) && error.message).toBe('The request carries no access token')
  })

  test('optional: without a token there is no caller, and a bad one is refused', async () => {
    const judge = verifyToken(await server(), { optional: true })
    expect(await judge(post())).toBeUndefined()
    expect(await judge(post(undefined, { authorization: 'Basic YTpi' }))).toBeUndefined()
    expect((await judge(post(await token())))?.subject).toBe('alice')
    expect(await failureOf(judge(post('bad')))).toMatchObject({ code: 'invalid_token' })
  })

  test('optional: an outage is no anonymous request', async () => {
    const { rs, outside } = await world()
    outside.routes.clear()
    expect(await failureOf(verifyToken(rs, { optional: true })(post(await token())))).toMatchObject({
      code: 'server_error',
      status: 503,
      body: 'temporarily_unavailable',
    })
  })

  test('checks what a bare verifier cannot: several credentials, origin, host (DNS rebinding), path', async () => {
    const several = post(undefined, { authorization: `Bearer ${await token()}, Bearer x` })
    expect(await failureOf(verifyToken(await server())(several))).toMatchObject({ code: 'invalid_request' })

    const listed = verifyToken(await server({ allowedOrigins: ['https://app.test'] }))
    const foreign = post(await token(), { origin: 'https://evil.test' })
    expect(await failureOf(listed(foreign))).toMatchObject({ code: 'invalid_request' })

    const resource = 'http://127.0.0.1:3000/mcp'
    const local = verifyToken(await server({ resource }), { optional: true })
    const bearer = await token({ aud: resource })
    expect((await local(post(bearer, {}, resource)))?.subject).toBe('alice')
    for (const each of [bearer, undefined])
      expect(await failureOf(local(post(each, {}, 'http://evil.test:3000/mcp')))).toMatchObject({
        code: 'invalid_request',
      })
  })

  test('several resources: the route says which one it is', async () => {
    const resource = [{ resource: resourceA }, { resource: resourceB }]
    const rs = await server({ resource })
    expect(() => verifyToken(rs)).toThrow('which of several resources this route is')
    const judge = verifyToken(rs, { resource: resourceB })
    expect(await failureOf(judge(post(await token())))).toMatchObject({ code: 'invalid_token' })
    expect((await judge(post(await token({ aud: resourceB }))))?.resource.href).toBe(resourceB)
  })

  test('a preflight names no caller, nor does a request for the metadata', async () => {
    const headers = { origin: 'https://app.test', 'access-control-request-method': 'POST' }
    const preflight = (): Request => new Request(resourceA, { method: 'OPTIONS', headers })
    const rs = await server()
    expect(await verifyToken(rs, { optional: true })(preflight())).toBeUndefined()
    const metadata = (): Request => new Request(metadataA)
    expect(await verifyToken(rs, { optional: true })(metadata())).toBeUndefined()
    for (const request of [preflight(), metadata()])
      expect(await failureOf(verifyToken(rs)(request))).toMatchObject({
        code: 'invalid_token',
        message: 'The request carries no access token',
      })
  })

  test('U4 a function is called at the first request; what it throws reaches onError and is 500, not 401', async () => {
    let calls = 0
    const rs = await server()
    const judge = verifyToken(() => {
      calls++
      return rs
    })
    expect(calls).toBe(0)
    expect((await judge(post(await token())))?.subject).toBe('alice')
    await judge(post(await token()))
    expect(calls).toBe(1)

    const told: unknown[] = []
    const boom = new Error('TOLLGATE_SECRET is not set')
    const broken = verifyToken(
      () => {
        throw boom
      },
      { onError: (error) => void told.push(error) },
    )
    expect(await failureOf(broken(post('x')))).toMatchObject({ code: 'server_error', status: 500 })
    expect(told).toEqual([boom])
  })

  test('authOptions: where the metadata is, from the configuration and never from the request', async () => {
    const rs = await server({ requiredScopes: ['notes:read'] })
    expect(authOptions(rs, { scopes: ['notes:write'] })).toEqual({
      required: true,
      requiredScopes: ['notes:read', 'notes:write'],
      resourceMetadataPath: '/.well-known/oauth-protected-resource/mcp',
      resourceUrl: 'https://mcp.test',
    })
    expect(authOptions(rs, { optional: true })).toMatchObject({ required: false })
  })

  test('U13 wrong options are refused at construction', async () => {
    const rs = await server()
    expect(() => verifyToken({} as never)).toThrow(
      '`verifyToken` must get what createResourceServer() returns',
    )
    expect(() => verifyToken(rs, { required: false } as never)).toThrow(
      '`verifyToken.required` is not an option; did you mean "optional"?',
    )
    expect(() => authOptions(rs, { resourceMetadataPath: '/x' } as never)).toThrow(
      '; it follows from the resource',
    )
    expect(() => authOptions(rs, { resourceUrl: 'x' } as never)).toThrow('; it is the resource of the')
    expect(() => authOptions((() => rs) as never)).toThrow(
      '`authOptions` must get what createResourceServer() returns',
    )
  })
})
