import { exportJWK, exportSPKI } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT, type JWTPayload } from 'jose'
import { expect, test } from 'vitest'
import { ConfigurationError, InvalidTokenError } from '../../src/errors.ts'
import { createResourceServer, firstOf, jwtVerifier, type ResourceServerOptions } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import {
  sharedSecretVerifier,
  type SharedSecretOptions,
} from '../../src/resource-server/verify/shared-secret.ts'
import type { TokenVerifier } from '../../src/types.ts'

const now = 1_790_000_000
const issuer = 'https://as.test'
const resource = 'https://mcp.test/mcp'
const secret = 'thirty-two bytes at the very least!'
const claims = {
  iss: issuer,
  aud: resource,
  sub: 'alice',
  client_id: 'c1',
  scope: 'a b',
  exp: now + 900,
  iat: now,
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function sign(payload: object = claims, header: object = {}, key: string = secret): Promise<string> {
  return new SignJWT(payload as JWTPayload)
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header } as never)
    .sign(bytes(key))
}

const verifier = (options: Partial<SharedSecretOptions> = {}): TokenVerifier =>
  sharedSecretVerifier({ issuer, secret, ...options }).verifier(resource, { clock: () => now })

test('a token signed with the secret passes', async () => {
  expect(await verifier().verify(await sign())).toEqual({
    issuer,
    subject: 'alice',
    clientId: 'c1',
    scopes: ['a', 'b'],
    expiresAt: now + 900,
    claims,
  })
})

test.each<[string, () => Promise<string>]>([
  ['signed with another secret', () => sign(claims, {}, 'another secret of thirty-two bytes or so')],
  ['another audience', () => sign({ ...claims, aud: 'https://mcp.test/other' })],
  ['another issuer', () => sign({ ...claims, iss: `${issuer}/` })],
  ['expired', () => sign({ ...claims, exp: now - 6 })],
  ['no expiry', () => sign({ ...claims, exp: undefined })],
  ['an expiry in milliseconds', () => sign({ ...claims, exp: (now + 900) * 1000 })],
  ['issued in the future', () => sign({ ...claims, iat: now + 600 })],
  ['HS384 where HS256 is configured', () => sign(claims, { alg: 'HS384' }, secret.repeat(2))],
  ['typ JWT', () => sign(claims, { typ: 'JWT' })],
  ['a bound token', () => sign({ ...claims, cnf: { jkt: 'x' } })],
  ['no JWT', async () => 'opaque'],
  ['two parts', async () => (await sign()).split('.').slice(0, 2).join('.')],
  ['four parts', async () => `${await sign()}.x`],
  [
    'a payload that was changed',
    async () => {
      const [header, , signature] = (await sign()).split('.')
      return [header, btoa(JSON.stringify({ ...claims, sub: 'bob' })).replaceAll('=', ''), signature].join(
        '.',
      )
    },
  ],
])('G8, G16, G17, G18 %s is an invalid token', async (_name, make) => {
  await expect(verifier().verify(await make())).rejects.toThrow(InvalidTokenError)
})

test.each(['none', 'None', 'nOnE', ''])(
  'G8 alg %j is an invalid token, with and without a third part',
  async (alg) => {
    const part = (value: object): string => btoa(JSON.stringify(value)).replaceAll('=', '')
    const unsigned = `${part({ alg, typ: 'at+jwt' })}.${part(claims)}`
    for (const token of [`${unsigned}.`, `${unsigned}.${(await sign()).split('.')[2]}`, unsigned])
      await expect(verifier().verify(token)).rejects.toThrow(InvalidTokenError)
  },
)

test('G9 a token signed with a public key’s text does not pass, nor one signed with the key itself', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  for (const text of [
    await exportSPKI(publicKey),
    JSON.stringify(await exportJWK(publicKey)),
    ' '.repeat(32),
  ])
    await expect(verifier().verify(await sign(claims, {}, text))).rejects.toThrow(InvalidTokenError)
  const asymmetric = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
    .sign(privateKey)
  await expect(verifier().verify(asymmetric)).rejects.toThrow(InvalidTokenError)
  expect(verifier().accepts!(asymmetric)).toBe(false)
})

test('the secret changes without a gap: a list opens with all', async () => {
  const next = 'the next secret, of thirty-two bytes'
  const both = verifier({ secret: [next, bytes(secret)] })
  await expect(both.verify(await sign())).resolves.toMatchObject({ subject: 'alice' })
  await expect(both.verify(await sign(claims, {}, next))).resolves.toMatchObject({ subject: 'alice' })
  await expect(verifier({ secret: next }).verify(await sign())).rejects.toThrow(InvalidTokenError)
})

test('HS512, another audience and typ jwt, if the deployment says so', async () => {
  const long = secret.repeat(2)
  const judge = verifier({ algorithm: 'HS512', secret: long, audience: { aud: ['notes'] }, typ: 'jwt' })
  const token = await sign({ ...claims, aud: 'notes' }, { alg: 'HS512', typ: undefined }, long)
  await expect(judge.verify(token)).resolves.toMatchObject({ subject: 'alice' })
  const id = await sign({ ...claims, aud: 'notes', nonce: 'n' }, { alg: 'HS512', typ: 'JWT' }, long)
  await expect(judge.verify(id)).rejects.toThrow(InvalidTokenError)
})

test('it accepts only its own algorithm of its own issuer', async () => {
  const judge = verifier()
  expect(judge.accepts!(await sign())).toBe(true)
  expect(judge.accepts!(await sign({ ...claims, iss: 'https://other.test' }))).toBe(false)
  expect(judge.accepts!('opaque')).toBe(false)
})

test('an issuer that signs with a secret stands beside no key set of its own', () => {
  const shared = sharedSecretVerifier({ issuer, secret })
  const guard = (...authorizationServers: ResourceServerOptions['authorizationServers']): unknown =>
    createResourceServer({ resource, authorizationServers })
  for (const beside of [
    () => guard(shared, issuer),
    () => guard(jwtVerifier({ issuer }), shared),
    () => guard(firstOf(shared, customVerifier({ issuer, verify: () => undefined })), issuer),
    () => firstOf(jwtVerifier({ issuer }), shared),
  ]) {
    expect(beside).toThrow(ConfigurationError)
    expect(beside).toThrow('has both a secret and keys')
  }
  expect(guard(shared, 'https://another.test')).toBeDefined()
})

test.each<[string, Partial<SharedSecretOptions> & Record<string, unknown>]>([
  ['secret', { secret: 'short' }],
  ['secret', { secret: [] }],
  ['secret', { secret: undefined }],
  ['secret', { algorithm: 'HS512' }],
  ['algorithm', { algorithm: 'RS256' as never }],
  ['issuer', { issuer: '' }],
  ['typ', { typ: 'JWT' as never }],
  ['clockSkew', { clockSkew: 61 }],
  ['sharedSecretVerifier.jwksUri', { jwksUri: 'https://as.test/jwks' }],
  ['sharedSecretVerifier.keys', { keys: { keys: [] } }],
])('a wrong %s is refused at construction: never beside a key set', (option, options) => {
  expect(() => verifier(options)).toThrow(ConfigurationError)
  expect(() => verifier(options)).toThrow(option)
})

test('the message about a short secret shows its length, and not the secret', () => {
  for (const short of ['correct horse', bytes('correct horse')])
    for (const each of [short, [secret, short]]) {
      const construct = (): unknown => verifier({ secret: each })
      expect(construct).toThrow('at least 32 bytes for HS256, or a list of them; got 13 bytes')
      expect(construct).not.toThrow('horse')
    }
})
