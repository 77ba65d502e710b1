// RC18: what the official SDKs' own Bearer middlewares demand of an AuthInfo, and that every verifier's
// AuthInfo satisfies them.
import { requireBearerAuth as requireV1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { requireBearerAuth as requireV2 } from '@modelcontextprotocol/server'
import { describe, expect, test } from 'vitest'
import { createResourceServer, jwtVerifier } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { apiKeyVerifier, hashApiKey } from '../../src/resource-server/verify/api-keys.ts'
import { sharedSecretVerifier } from '../../src/resource-server/verify/shared-secret.ts'
import type { AuthInfo, AuthorizationServer } from '../../src/types.ts'
import { RES_A, Rig } from '../support/as.ts'
import { hmac, issuer, key, post, rawToken, resourceA, token } from '../support/guard.ts'

const now = Math.floor(Date.now() / 1000)
const times = { iat: now, exp: now + 900 }
const opaque = 'notes_0123456789'
const shared = 'a shared secret that has more than thirty-two bytes'

interface Demands {
  requiredScopes?: string[]
  expectedResource?: string
}

/** The status with which a middleware answers for this AuthInfo; 200: it lets it through. */
const middlewares: Record<string, (auth: object, demands?: Demands) => Promise<number>> = {
  'SDK v1': async (auth, demands = {}) => {
    const verifier = { verifyAccessToken: async () => auth as never }
    let status = 200
    const response = {
      set: () => response,
      status: (code: number) => {
        status = code
        return response
      },
      json: () => response,
    }
    const request = { headers: { authorization: 'Bearer x' } }
    await requireV1({ verifier, ...demands } as never)(request as never, response as never, () => undefined)
    return status
  },
  'SDK v2': async (auth, demands = {}) => {
    const verifier = { verifyAccessToken: async () => auth as never }
    const answer = await requireV2({ verifier, ...demands } as never)(post('x'))
    return answer instanceof Response ? answer.status : 200
  },
}

async function authOf(server: AuthorizationServer, bearer: string, resource = resourceA): Promise<AuthInfo> {
  const options = { resource, authorizationServers: [server], scopeImplies: { 'notes:read': ['notes:list'] } }
  const listed = server.listed === false ? [issuer, server] : [server]
  const rs = createResourceServer({ ...options, authorizationServers: listed })
  const auth = await rs.authenticate(post(bearer, {}, resource))
  if (auth instanceof Response) throw new Error(`${auth.status} ${await auth.text()}`)
  return auth
}

const verifiers: Record<string, () => Promise<AuthInfo>> = {
  'a JWT': async () =>
    authOf(jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } }), await token(times)),
  HS256: async () => {
    const secret = new TextEncoder().encode(shared)
    const claims = { ...times, iss: issuer, aud: resourceA, sub: 'a', client_id: 'c', scope: 'notes:read' }
    const bearer = await rawToken({ alg: 'HS256', typ: 'at+jwt' }, claims, hmac(secret, 'SHA-256'))
    return authOf(sharedSecretVerifier({ issuer, secret: shared, algorithm: 'HS256' }), bearer)
  },
  'an API key without an end': async () => {
    const keys = [{ hash: await hashApiKey(opaque), subject: 'ada', scopes: ['notes:read'] }]
    return authOf(apiKeyVerifier({ prefix: 'notes_', keys }), opaque)
  },
  'a custom verifier that says no end': () =>
    authOf(customVerifier({ issuer, verify: () => ({ clientId: 'c', scopes: ['notes:read'] }) }), opaque),
  'the embedded server': async () => {
    const rig = new Rig()
    rig.now = now
    return authOf(rig.as, (await rig.tokens()).access_token, RES_A)
  },
}

describe.each(Object.entries(middlewares))('RC18 %s', (_, through) => {
  test.each(Object.entries(verifiers))('takes the AuthInfo of %s', async (_, make) => {
    const auth = await make()
    expect(auth.expiresAt).toBeTypeOf('number')
    expect(await through(auth)).toBe(200)
    expect(await through(auth, { requiredScopes: ['notes:read', 'notes:list'] })).toBe(200)
    expect(await through(auth, { expectedResource: resourceA })).toBe(200)
    expect(await through(auth, { requiredScopes: ['admin'] })).toBe(403)
    expect(await through(auth, { expectedResource: 'https://mcp.test/other' })).toBe(401)
  })

  test.each([{ expiresAt: undefined }, { expiresAt: Number.NaN }, { expiresAt: now - 1 }])(
    'demands an end in the future: %o is refused',
    async (end) => {
      expect(await through({ ...(await verifiers['a JWT']!()), ...end })).toBe(401)
    },
  )
})
