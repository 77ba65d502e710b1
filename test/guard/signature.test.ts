import { expect, test } from 'vitest'
import { readKeySet } from '../../src/resource-server/verify/jwk.ts'
import { isSignedBy } from '../../src/resource-server/verify/signature.ts'
import type { UnverifiedJws } from '../../src/types.ts'

const joe = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

/** What the RFCs print: an implementation that signs and verifies with itself may be wrong twice. */
const vectors: [name: string, alg: string, jwk: object, token: string][] = [
  [
    'RFC 7515 A.2',
    'RS256',
    {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
    `eyJhbGciOiJSUzI1NiJ9.${joe}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  ],
  [
    'RFC 7515 A.3',
    'ES256',
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    `eyJhbGciOiJFUzI1NiJ9.${joe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  ],
  [
    'RFC 8037 A.4',
    'EdDSA',
    { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  ],
]

/** Also of a payload that is not JSON, which `parseJws` refuses. */
const jwsOf = (token: string): UnverifiedJws => ({ token, header: {}, payload: {} })

test.each(vectors)('%s %s: the signature that is printed, and no other', async (_, alg, jwk, token) => {
  const [key] = readKeySet({ keys: [jwk] })!
  const isSigned = (each: string): Promise<boolean> => isSignedBy(jwsOf(each), key!.material, alg)
  expect(await isSigned(token)).toBe(true)
  const dot = token.lastIndexOf('.')
  const [input, signature] = [token.slice(0, dot), token.slice(dot + 1)]
  expect(await isSigned(`${input}A.${signature}`)).toBe(false)
  const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
  expect(await isSigned(`${input}.${flipped}`)).toBe(false)
  expect(await isSigned(`${input}.${signature.slice(0, -2)}`)).toBe(false)
  expect(await isSigned(`${input}.`)).toBe(false)
  expect(await isSigned(`${input}.*`)).toBe(false)
})

test('RFC 4648 §3.5 a signature has one spelling: bits that decode to nothing are refused', async () => {
  const [, alg, jwk, token] = vectors[1]!
  const { material } = readKeySet({ keys: [jwk] })![0]!
  expect(token.endsWith('Q')).toBe(true)
  expect(await isSignedBy(jwsOf(`${token.slice(0, -1)}R`), material, alg)).toBe(false)
})

test('RFC 8725 §3.1 the policy names the algorithm, and the header must agree', async () => {
  const [, , jwk, token] = vectors[0]!
  const { material } = readKeySet({ keys: [jwk] })![0]!
  for (const alg of ['RS384', 'PS256', 'ES256', 'HS256', 'none', ''])
    expect([alg, await isSignedBy(jwsOf(token), material, alg)]).toEqual([alg, false])
  expect(await isSignedBy(jwsOf(token), new TextEncoder().encode(JSON.stringify(jwk)), 'HS256')).toBe(false)
})

test('RFC 7517 §4 what a key may be used for is what it says', () => {
  const kept = (change: object): number => readKeySet({ keys: [{ ...vectors[1]![2], ...change }] })!.length
  expect([kept({}), kept({ use: 'sig' }), kept({ key_ops: ['verify'] })]).toEqual([1, 1, 1])
  expect([
    kept({ use: 'enc' }),
    kept({ key_ops: ['sign'] }),
    kept({ crv: 'P-192' }),
    kept({ kty: 'oct' }),
  ]).toEqual([0, 0, 0, 0])
  const [key] = readKeySet({ keys: [{ ...vectors[1]![2], alg: 'RS256' }] })!
  expect(['ES256', 'RS256'].map((alg) => key!.fits(alg))).toEqual([false, false])
  const [okp] = readKeySet({ keys: [{ ...vectors[2]![2], alg: 'Ed25519' }] })!
  expect(['EdDSA', 'Ed25519', 'ES256'].map((alg) => okp!.fits(alg))).toEqual([true, true, false])
  expect(readKeySet({ keys: 1 })).toBeUndefined()
  expect(readKeySet(undefined)).toBeUndefined()
  const secret = readKeySet({ keys: [{ ...vectors[1]![2], d: 'secret' }] })!
  expect(JSON.stringify(secret)).not.toContain('secret')
})
