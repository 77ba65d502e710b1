// Our tokens before another implementation, and what it makes before ours.
import { createLocalJWKSet } from 'jose/jwks/local'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { expect, test } from 'vitest'
import { payload, RES_A, Rig } from '../support/as.ts'

const keySet = async (rig: Rig): Promise<{ keys: Record<string, string>[] }> =>
  (await (await rig.get(rig.path('jwks')))!.json()) as { keys: Record<string, string>[] }

test.each(['ES256', 'EdDSA', 'RS256'] as const)(
  'TK13 RFC 9068 §4 jose verifies a token of ours by the published keys: %s',
  async (algorithm) => {
    const rig = new Rig({ keys: { algorithm } })
    const { access_token: token } = await rig.tokens()
    const keys = await keySet(rig)
    const { payload: claims } = await jwtVerify(token, createLocalJWKSet(keys as never), {
      issuer: rig.issuer,
      audience: RES_A,
      typ: 'at+jwt',
      algorithms: [algorithm],
      currentDate: new Date(rig.now * 1000),
    })
    expect(claims.sub).toBe('alice')
    expect(keys.keys[0]!['kid']).toBe(await calculateJwkThumbprint(keys.keys[0] as never))
  },
)

test('TK13 what jose makes of our claims passes only with our key, its algorithm and the right type', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  const claims = payload(token)
  const { privateKey, kid } = await rig.context.keys.active()
  const sign = (header: object, key: CryptoKey | Uint8Array = privateKey): Promise<string> =>
    new SignJWT(claims as never).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header }).sign(key)
  expect(await rig.call(await sign({}))).toBe(200)
  const stranger = await generateKeyPair('ES256')
  const published = new TextEncoder().encode(JSON.stringify((await keySet(rig)).keys[0]))
  const refused = [
    await sign({}, stranger.privateKey),
    await sign({ kid: 'another' }),
    await sign({ kid: undefined }),
    await sign({ typ: 'JWT' }),
    await sign({ typ: undefined }),
    await sign({ crit: ['b64'], b64: true }),
    await sign({ alg: 'HS256' }, published),
    `${btoa(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).replaceAll('=', '')}.${token.split('.')[1]}.`,
    `${token}.${token}`,
    token.slice(0, -1),
    `${token}=`,
    // RFC 4648 §3.5: the same bytes in another spelling.
    token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
  ]
  for (const [i, each] of refused.entries()) expect(await rig.call(each), String(i)).toBe(401)
  expect(await rig.call(token)).toBe(200)
})
