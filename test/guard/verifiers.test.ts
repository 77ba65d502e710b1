import { jwtVerify } from 'jose/jwt/verify'
import { importJWK } from 'jose/key/import'
import { expect, test } from 'vitest'
import {
  firstOf,
  InvalidTokenError,
  jwtVerifier,
  UnavailableError,
  type AuthorizationServer,
} from '../../src/index.ts'
import {
  customVerifier,
  type CustomResult,
  type CustomVerifierOptions,
} from '../../src/resource-server/verify/custom-verifier.ts'
import {
  issuer,
  key,
  metadataA,
  post,
  resourceA,
  resourceB,
  start,
  token,
  verdict,
  world,
} from '../support/guard.ts'

const custom = (
  verify: CustomVerifierOptions['verify'],
  more: Partial<CustomVerifierOptions> = {},
): AuthorizationServer => customVerifier({ issuer, verify, ...more })

/** How a guard with this verifier answers, and how often the verifier was asked. */
async function judged(
  result: () => unknown,
  more: Partial<CustomVerifierOptions> = {},
): Promise<[string, number]> {
  let asked = 0
  const verify = async (): Promise<CustomResult> => {
    asked++
    return (await result()) as CustomResult
  }
  const it = await world({ options: { authorizationServers: [custom(verify, more)] } })
  const outcome = async (): Promise<string> => {
    const response = await it.call(post('opaque'))
    return response.status === 200 ? 'ok' : verdict(response)
  }
  const first = await outcome()
  expect(await outcome()).toBe(first)
  return [first, asked]
}

const found = { clientId: 'c', scopes: ['notes:read'] }

test('interop §5 what the official SDK’s verifiers return is taken as it is', async () => {
  const sdk = { token: 'opaque', ...found, expiresAt: start + 60, extra: { tenant: 't1' } }
  const it = await world({ options: { authorizationServers: [custom(() => sdk)] } })
  expect((await it.call(post('opaque'))).status).toBe(200)
  expect(it.auth).toMatchObject({ clientId: 'c', scopes: ['notes:read'], claims: { tenant: 't1' }, issuer })
})

test('a custom verifier is asked each time, unless it says for how long its answer holds', async () => {
  expect(await judged(() => found)).toEqual(['ok', 2])
  expect(await judged(() => found, { ttl: 60 })).toEqual(['ok', 1])
})

test('the errors of others are classified: about the token, or not', async () => {
  const coded = (code: string): Error => Object.assign(new Error('secret detail'), { code })
  const thrown = (error: unknown) => () => Promise.reject(error)
  const invalid = [
    new InvalidTokenError('no'),
    coded('invalid_token'),
    Object.assign(new Error(), { errorCode: 'invalid_token' }),
    coded('ERR_JWT_EXPIRED'),
    coded('ERR_JWS_SIGNATURE_VERIFICATION_FAILED'),
    coded('ERR_JWKS_NO_MATCHING_KEY'),
  ]
  for (const error of invalid) expect([error, (await judged(thrown(error)))[0]]).toEqual([error, '401-tok'])
  const others = [
    new UnavailableError('down'),
    coded('ERR_JWKS_TIMEOUT'),
    new TypeError('x'),
    'text',
    undefined,
  ]
  for (const error of others) expect([error, (await judged(thrown(error)))[0]]).toEqual([error, '503-closed'])
})

test('what a custom verifier returns is checked', async () => {
  const cases: [unknown, string][] = [
    [undefined, '401-tok'],
    [{ ...found, expiresAt: start }, '401-tok'],
    [{ ...found, expiresAt: Number.NaN }, '401-tok'],
    [{ ...found, resource: resourceB }, '401-tok'],
    [{ ...found, resource: new URL(resourceA) }, 'ok'],
    [{ ...found, scopes: 'notes:read' }, '503-closed'],
    [{ ...found, scopes: [1] }, '503-closed'],
  ]
  for (const [result, expected] of cases)
    expect([result, (await judged(() => result))[0]]).toEqual([result, expected])
})

test('interop §4.26 a verifier made with jose’s own functions', async () => {
  const imported = await importJWK((await key('k1')).jwk, 'ES256')
  const server = custom(async (text, { resource }) => {
    const options = { issuer, audience: resource, currentDate: new Date(start * 1000) }
    const { payload } = await jwtVerify(text, imported, options)
    return { clientId: 'c', scopes: String(payload['scope']).split(' '), expiresAt: payload.exp! }
  })
  const it = await world({ options: { authorizationServers: [server] } })
  expect((await it.call(post(await token()))).status).toBe(200)
  for (const bad of [await token({ exp: start - 60 }), await token({ aud: resourceB }), 'opaque'])
    expect(await verdict(await it.call(post(bad)))).toBe('401-tok')
})

test('interop §4.16 firstOf: the first verifier that recognises the token decides, and no other is asked', async () => {
  const opaque = custom((text) => (text === 'known' ? found : undefined))
  const jwt = jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } })
  const it = await world({ options: { authorizationServers: [firstOf(jwt, opaque)] } })
  expect((await it.call(post(await token()))).status).toBe(200)
  expect(it.auth?.subject).toBe('alice')
  expect((await it.call(post('known'))).status).toBe(200)
  expect(it.auth?.clientId).toBe('c')
  const forged = await token({}, {}, await key('other'))
  for (const bad of ['unknown', forged]) expect(await verdict(await it.call(post(bad)))).toBe('401-tok')
  const document = await it.call(new Request(metadataA))
  expect(await document.json()).toMatchObject({ authorization_servers: [issuer] })
})

test('a token that the only verifier does not accept is refused', async () => {
  let asked = 0
  const mine = custom(() => ({ ...found, scopes: [`asked ${++asked}`] }), {
    accepts: (text) => text.startsWith('mine_'),
  })
  const it = await world({ options: { authorizationServers: [mine] } })
  expect(await verdict(await it.call(post('another')))).toBe('401-tok')
  expect([asked, it.calls]).toEqual([0, 0])
  expect((await it.call(post('mine_1'))).status).toBe(200)
})

test('interop §4.48 several kinds side by side; what none of them takes is refused', async () => {
  const keys = customVerifier({
    issuer: 'urn:keys',
    listed: false,
    accepts: (text) => text.startsWith('key_'),
    verify: () => found,
  })
  const jwt = jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } })
  const it = await world({ options: { authorizationServers: [jwt, keys] } })
  expect((await it.call(post('key_1'))).status).toBe(200)
  expect(it.auth?.issuer).toBe('urn:keys')
  expect((await it.call(post(await token()))).status).toBe(200)
  expect(await verdict(await it.call(post('opaque')))).toBe('401-tok')
  const document = await it.call(new Request(metadataA))
  expect(await document.json()).toMatchObject({ authorization_servers: [issuer] })
})

test('RFC 7515 §7.1 a token is parsed once, and every verifier gets the same parsed token', async () => {
  const seen: unknown[] = []
  const recorder = (answer: boolean): AuthorizationServer => ({
    issuer,
    verifier: () => ({
      accepts(_token, jws) {
        seen.push(jws)
        return answer
      },
      async verify(_token, jws) {
        seen.push(jws)
        throw new InvalidTokenError('seen')
      },
    }),
  })
  const servers = [recorder(false), firstOf(recorder(false), recorder(true))]
  const it = await world({ options: { authorizationServers: servers } })
  const text = await token()
  expect(await verdict(await it.call(post(text)))).toBe('401-tok')
  expect(seen.length).toBe(6)
  expect(seen[0]).toMatchObject({ token: text, header: { alg: 'ES256' }, payload: { iss: issuer } })
  expect(new Set(seen).size).toBe(1)
  seen.length = 0
  expect(await verdict(await it.call(post('opaque')))).toBe('401-tok')
  expect(seen).toEqual(Array.from({ length: 6 }, () => undefined))
})
