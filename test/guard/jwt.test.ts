import { expect, test } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import { createResourceServer, jwtVerifier, type JwtVerifierOptions } from '../../src/index.ts'
import {
  good,
  hmac,
  issuer,
  jwksUri,
  key,
  metadataA,
  post,
  rawToken,
  resourceA,
  resourceB,
  start,
  token,
  verdict,
  world,
  type World,
} from '../support/guard.ts'

const header = { alg: 'ES256', kid: 'k1', typ: 'at+jwt' }
const accepts = async (it: World, each: string): Promise<boolean> => {
  const response = await it.call(post(each))
  if (response.status === 200) return true
  expect(await verdict(response)).toBe('401-tok')
  return false
}
const withProfile = (profile: Partial<JwtVerifierOptions>): Promise<World> =>
  world({ options: { authorizationServers: [jwtVerifier({ issuer, ...profile })] } })

test('RFC 9068 §4 what the handler learns from a good token', async () => {
  const it = await world()
  const text = await token({ scope: 'notes:read notes:write', roles: ['editor'] })
  expect((await it.call(post(text))).status).toBe(200)
  const auth = it.auth!
  expect(auth).toMatchObject({
    clientId: 'client-1',
    scopes: ['notes:read', 'notes:write'],
    expiresAt: start + 900,
    issuer,
    subject: 'alice',
    extra: { issuer, subject: 'alice' },
    claims: { roles: ['editor'], jti: 'jti-1' },
    props: undefined,
  })
  expect([auth.resource.href, auth.token]).toEqual([resourceA, text])
  await expect(auth.upstream()).rejects.toThrow(/no upstream token/)
  expect(() => (auth.claims['roles'] as string[]).push('admin')).toThrow(TypeError)
  expect(() => auth.scopes.push('admin')).toThrow(TypeError)
})

test('G8 alg none in any spelling, and missing, with and without a signature', async () => {
  const it = await world()
  const unsigned = async (): Promise<Uint8Array> => new Uint8Array()
  for (const alg of ['none', 'None', 'nOnE', '', undefined]) {
    const signed = await rawToken({ ...header, alg })
    const bare = await rawToken({ ...header, alg }, good, unsigned)
    for (const each of [signed, bare, bare.slice(0, -1)])
      expect([alg, await accepts(it, each)]).toEqual([alg, false])
  }
  expect([it.outside.requests, it.calls]).toEqual([[], 0])
})

test('G9 HMAC under everything public about the key', async () => {
  const rsa = await key('r1', 'RS256')
  const it = await world({ keys: [rsa.jwk] })
  const encoder = new TextEncoder()
  const spki = new Uint8Array(
    await crypto.subtle.exportKey(
      'spki',
      await crypto.subtle.importKey(
        'jwk',
        rsa.jwk as JsonWebKey,
        { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
        true,
        ['verify'],
      ),
    ),
  )
  const body = btoa(String.fromCharCode(...spki)).replaceAll(/.{64}/g, '$&\n')
  const pem = `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`
  const secrets = [
    encoder.encode(pem),
    encoder.encode(`  \n${pem}`),
    encoder.encode(JSON.stringify(rsa.jwk)),
    spki,
  ]
  secrets.push(new Uint8Array(1))
  for (const bits of ['256', '384', '512']) {
    for (const secret of secrets) {
      const forged = await rawToken(
        { alg: `HS${bits}`, kid: 'r1', typ: 'at+jwt' },
        good,
        hmac(secret, `SHA-${bits}`),
      )
      expect(await accepts(it, forged)).toBe(false)
    }
  }
  expect(await accepts(it, await token({}, {}, rsa))).toBe(true)
})

test('G10 the algorithm comes from the allow-list and the key, not from the header', async () => {
  const rsa = await key('r1', 'RS256')
  const { alg: _, ...anyAlgorithm } = rsa.jwk
  const it = await world({
    keys: [anyAlgorithm],
    options: { authorizationServers: [jwtVerifier({ issuer, algorithms: ['RS256', 'ES256'] })] },
  })
  for (const alg of ['HS256', 'RS384', 'PS256', 'ES256', 'EdDSA'])
    expect([alg, await accepts(it, await rawToken({ alg, kid: 'r1', typ: 'at+jwt' }))]).toEqual([alg, false])
  expect(await accepts(it, await token({}, {}, rsa))).toBe(true)
})

test('G11 unusable keys of the set are passed over', async () => {
  const k1 = await key('k1')
  const oct = { kty: 'oct', kid: 'o1', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA', alg: 'HS256' }
  const secret = new TextEncoder().encode('secret-secret-secret-secret-secret')
  const it = await world({
    keys: [
      oct,
      { ...(await key('enc')).jwk, use: 'enc' },
      { kty: 'RSA', kid: 'small', n: 'x'.repeat(171), e: 'AQAB', alg: 'RS256' },
      { kty: 'OKP', crv: 'X25519', kid: 'x1', x: 'AAAA' },
      { kty: 'XYZ', kid: 'z1' },
      { kty: 'EC', crv: 'P-256', kid: 'bad', x: '!!!', y: '???', alg: 'ES256' },
      { kty: 'EC', crv: 'P-256', kid: 'k1', x: 'AAAA', y: 'AAAA', alg: 'ES256' },
      null as never,
      'key' as never,
      k1.jwk,
    ],
  })
  expect(await accepts(it, await token())).toBe(true)
  expect(
    await accepts(
      it,
      await rawToken({ alg: 'HS256', kid: 'o1', typ: 'at+jwt' }, good, hmac(secret, 'SHA-256')),
    ),
  ).toBe(false)
  expect(await accepts(it, await rawToken({ ...header, kid: 'bad' }))).toBe(false)
  expect(await accepts(it, await token({}, {}, await key('enc')))).toBe(false)
})

test('G13 keys and URLs of keys in the header are ignored', async () => {
  const it = await world()
  const attacker = await key('evil')
  for (const extra of [
    { jku: 'https://evil.test/jwks' },
    { x5u: 'https://evil.test/cert' },
    { jwk: attacker.jwk },
    { x5c: ['MIIB'] },
  ]) {
    expect(await accepts(it, await token({}, { ...extra, kid: 'k1' }, attacker))).toBe(false)
  }
  expect(await accepts(it, await token({}, { jku: 'https://evil.test/jwks' }))).toBe(true)
  expect(it.outside.requests.filter((url) => url.includes('evil'))).toEqual([])
})

test('G14 a critical extension is refused; a private header member is ignored', async () => {
  const it = await world()
  for (const extra of [{ crit: ['x'], x: 1 }, { crit: [] }, { crit: ['b64'], b64: false }, { crit: ['exp'] }])
    expect(await accepts(it, await rawToken({ ...header, ...extra }))).toBe(false)
  expect(await accepts(it, await rawToken({ ...header, cat: 'meow' }))).toBe(true)
})

test('G15 only access tokens are access tokens: typ policy strict', async () => {
  const it = await world()
  for (const typ of ['JWT', undefined, 'logout+jwt', 'dpop+jwt', 'oauth-id-jag+jwt', 'rt+jwt', 1])
    expect([typ, await accepts(it, await rawToken({ ...header, typ }))]).toEqual([typ, false])
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
    expect([typ, await accepts(it, await rawToken({ ...header, typ }))]).toEqual([typ, true])
})

test('G15 if typ JWT is allowed, a token that looks like another kind is still refused', async () => {
  const it = await withProfile({ typ: 'jwt' })
  const jwt = { ...header, typ: 'JWT' }
  const others: Record<string, unknown>[] = [
    { nonce: 'n', aud: 'client-1' },
    { nonce: 'n', aud: ['client-1', resourceA] },
    { at_hash: 'h' },
    { c_hash: 'h' },
    { events: {} },
    { token_use: 'id' },
    { typ: 'Refresh' },
    { typ: 'ID' },
  ]
  for (const claims of others)
    expect([claims, await accepts(it, await rawToken(jwt, { ...good, ...claims }))]).toEqual([claims, false])
  for (const typ of ['logout+jwt', 'dpop+jwt', 'oauth-id-jag+jwt'])
    expect([typ, await accepts(it, await rawToken({ ...jwt, typ }))]).toEqual([typ, false])
  for (const typ of ['JWT', undefined, 'at+jwt'])
    expect([typ, await accepts(it, await rawToken({ ...jwt, typ }))]).toEqual([typ, true])
  expect(await accepts(it, await rawToken(jwt, { ...good, token_use: 'access', typ: 'Bearer' }))).toBe(true)
})

test('G16 the audience is exact: no prefix, no origin, nothing but this resource', async () => {
  const it = await world()
  const right = [resourceA, [resourceA], ['https://other.test', resourceA], 'HTTPS://MCP.TEST:443/mcp']
  for (const aud of right) expect([aud, await accepts(it, await token({ aud }))]).toEqual([aud, true])
  const wrong = [
    resourceB,
    'https://mcp.test',
    'https://mcp.test/mcp/',
    'https://mcp.test/mcp/x',
    'https://mcp.test.evil.test/mcp',
    'client-1',
    '*',
    '',
    [],
    {},
    1,
    [null],
    undefined,
  ]
  for (const aud of wrong)
    expect([aud, await accepts(it, await rawToken(header, { ...good, aud }))]).toEqual([aud, false])
})

test('G16 strict: no other audience; host-only: with and without the slash', async () => {
  const strict = await withProfile({ strictAudience: true })
  expect(await accepts(strict, await token({ aud: ['https://other.test', resourceA] }))).toBe(false)
  expect(await accepts(strict, await token({ aud: [resourceA] }))).toBe(true)
  for (const resource of ['https://host.test', 'https://host.test/']) {
    const it = await world({ options: { resource } })
    for (const aud of ['https://host.test', 'https://host.test/'])
      expect((await it.call(post(await token({ aud }), {}, 'https://host.test/'))).status).toBe(200)
  }
})

test('G17 the issuer is exact', async () => {
  const it = await world()
  const wrong = [
    'https://as.test/',
    'https://AS.test',
    'http://as.test',
    'https://as.test.evil.test',
    [issuer],
    undefined,
  ]
  for (const iss of wrong)
    expect([iss, await accepts(it, await rawToken(header, { ...good, iss }))]).toEqual([iss, false])
  expect(it.calls).toBe(0)
})

test('G18 the time: exp, nbf and iat are finite seconds, compared with the skew', async () => {
  const it = await world()
  const now = start
  const wrong: Record<string, unknown>[] = [
    { exp: undefined },
    { exp: 0 },
    { exp: '9999999999' },
    { exp: (now + 900) * 1000 },
    { exp: now - 6 },
    { exp: null },
    { nbf: now + 6 },
    { nbf: 'soon' },
    { iat: now + 600 },
    { iat: now * 1000 },
  ]
  for (const claims of wrong)
    expect([claims, await accepts(it, await rawToken(header, { ...good, ...claims }))]).toEqual([
      claims,
      false,
    ])
  const infinite = JSON.stringify(good).replace(`"exp":${start + 900}`, '"exp":1e400')
  expect(infinite).toContain('1e400')
  expect(await accepts(it, await rawToken(header, infinite))).toBe(false)
  expect(await accepts(it, await token({ exp: now - 1, nbf: now + 5, iat: now + 5 }))).toBe(true)
  const exact = await withProfile({ clockSkew: 0 })
  expect(await accepts(exact, await token({ exp: now }))).toBe(false)
  expect(await accepts(exact, await token({ exp: now + 1 }))).toBe(true)
})

test('RFC 7519 §7.2 what is not a JWT at all', async () => {
  const it = await world()
  const signed = await token()
  const [first, second, third] = signed.split('.') as [string, string, string]
  const wrong = [
    'opaque',
    `${first}.${second}`,
    `.${second}.${third}`,
    `${first}..${third}`,
    `${first}.${second}.`,
    `${signed}.x`,
    `${first}.${second}.${third.slice(0, -4)}AAAA`,
    `${first}.${btoa('[1]')}.${third}`,
    `${first}.${btoa('"text"')}.${third}`,
    `~~~.${second}.${third}`,
    await rawToken({ ...header, kid: 1 }),
    await rawToken(header, { ...good, sub: { a: 1 } }),
    await rawToken(header, { ...good, cnf: { jkt: 'x' } }),
  ]
  for (const each of wrong)
    expect([each.length, await accepts(it, each.replaceAll('=', ''))]).toEqual([each.length, false])
  expect(it.calls).toBe(0)
})

test('G24 a token that guard A accepted is unknown to guard B with the same cache', async () => {
  const cache = memoryCache({ clock: () => start })
  const a = await world({ options: { cache } })
  const b = await world({ options: { cache, resource: resourceB } })
  const text = await token()
  expect((await a.call(post(text))).status).toBe(200)
  const refused = await b.call(post(text, {}, resourceB))
  expect([refused.status, b.calls]).toEqual([401, 0])
  expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
  expect((await a.call(post(text))).status).toBe(200)
})

test('G24 two issuers with the same key id do not sign for each other', async () => {
  const other = 'https://other.test'
  const theirs = await key('k1', 'RS256')
  const servers = [
    jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } }),
    jwtVerifier({ issuer: other, keys: { keys: [theirs.jwk] } }),
  ]
  const it = await world({ options: { authorizationServers: servers } })
  expect(await accepts(it, await token())).toBe(true)
  expect(await accepts(it, await token({ iss: other }, {}, theirs))).toBe(true)
  expect(await accepts(it, await token({}, {}, theirs))).toBe(false)
  expect(await accepts(it, await token({ iss: other }))).toBe(false)
  expect(await accepts(it, await token({ iss: 'https://third.test' }))).toBe(false)
  const document = await it.rs.handle(new Request(metadataA))
  expect(await document?.json()).toMatchObject({ authorization_servers: [issuer, other] })
})

test.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])(
  'RFC 7518 §3.1 %s',
  async (alg) => {
    const each = await key('any', alg)
    const it = await world({ keys: [each.jwk] })
    expect(await accepts(it, await token({}, {}, each))).toBe(true)
    const text = await token({ sub: 'bob' }, {}, each)
    const [first, , third] = text.split('.') as [string, string, string]
    const [, alice] = (await token({ sub: 'alice2' }, {}, each)).split('.') as [string, string]
    expect(await accepts(it, `${first}.${alice}.${third}`)).toBe(false)
  },
)

test('interop §2 audience rules, required claims and other claim names of providers', async () => {
  const fixed = await withProfile({ audience: { aud: ['api://default'] } })
  expect(await accepts(fixed, await token({ aud: 'api://default' }))).toBe(true)
  expect(await accepts(fixed, await token())).toBe(false)
  const claim = await withProfile({
    audience: { claim: 'client_id', equals: ['client-1'] },
    requiredClaims: { token_use: 'access' },
    scopeClaims: ['scp', 'realm.roles'],
    clientIdClaims: ['cid'],
  })
  expect(await accepts(claim, await token({ aud: undefined, token_use: 'id' }))).toBe(false)
  const text = await token({
    aud: undefined,
    token_use: 'access',
    scp: ['a', 'b'],
    realm: { roles: ['c'] },
    cid: 'app',
  })
  expect(await accepts(claim, text)).toBe(true)
  expect([claim.auth?.scopes, claim.auth?.clientId]).toEqual([['a', 'b', 'c'], 'app'])
  expect(await accepts(claim, await token({ aud: undefined, token_use: 'access', client_id: 'x' }))).toBe(
    false,
  )
})

test('RFC 7517 §5 a local key set needs no request, a configured jwksUri no discovery', async () => {
  const local = await withProfile({ keys: { keys: [(await key('k1')).jwk] } })
  expect(await accepts(local, await token())).toBe(true)
  expect(local.outside.requests).toEqual([])
  const uri = await withProfile({ jwksUri })
  expect(await accepts(uri, await token())).toBe(true)
  expect(uri.outside.requests).toEqual([jwksUri])
})

test('RFC 8414 §3.3 metadata of another issuer is refused', async () => {
  const it = await world()
  it.outside.routes.set(`${issuer}/.well-known/oauth-authorization-server`, () =>
    Response.json({ issuer: `${issuer}/`, jwks_uri: jwksUri }),
  )
  expect(await verdict(await it.call(post(await token())))).toBe('503-closed')
})

test('interop §2 OpenID discovery is asked if RFC 8414 metadata is missing', async () => {
  const tenant = 'https://as.test/t1'
  const it = await world({ options: { authorizationServers: [tenant] } })
  it.outside.routes.set(`${tenant}/.well-known/openid-configuration`, () =>
    Response.json({ issuer: tenant, jwks_uri: jwksUri }),
  )
  expect(await accepts(it, await token({ iss: tenant }))).toBe(true)
  expect(it.outside.requests).toEqual([
    `${issuer}/.well-known/oauth-authorization-server/t1`,
    `${issuer}/.well-known/openid-configuration/t1`,
    `${tenant}/.well-known/openid-configuration`,
    jwksUri,
  ])
})

test('a resource server without a runtime of its own uses the platform’s', async () => {
  const rs = createResourceServer({
    resource: resourceA,
    authorizationServers: [jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } })],
  })
  const now = Math.floor(Date.now() / 1000)
  const auth = await rs.authenticate(post(await token({ iat: now, exp: now + 60 })))
  expect(auth).toMatchObject({ subject: 'alice' })
})

test('U6 a token of another kind: the answer names the way out', async () => {
  const it = await world()
  const description = async (text: string): Promise<string> => {
    const response = await it.call(post(text))
    expect(await verdict(response)).toBe('401-tok')
    return /error_description="([^"]*)"/.exec(response.headers.get('www-authenticate')!)![1]!
  }
  for (const typ of ['JWT', 'jwt', 'application/jwt', undefined])
    expect(await description(await token({}, { typ }))).toMatch(/at\+jwt .* oidc\(\{.*typ: 'jwt' \}\)/)
  for (const typ of ['logout+jwt', 'dpop+jwt'])
    expect(await description(await token({}, { typ }))).not.toContain('oidc')
  expect(await description('opaque')).toContain('introspectionVerifier()')
  expect(await description('a.b.c.d.e')).toContain('encrypted')
  expect(await description('a.b.c')).toContain('malformed')
  expect(await description(await token({}, { kid: 'rotated' }))).toMatch(/key of the token is unknown/)
  expect(await description(await token({}, {}, { ...(await key('k2')), kid: 'k1' }))).toMatch(/signature/)
})

test('P10 RFC 9068 §2.2 an at+jwt token names its subject; a looser issuer’s may leave it out', async () => {
  const strict = await world()
  for (const sub of [undefined, ''])
    expect(await verdict(await strict.call(post(await token({ sub }))))).toBe('401-tok')
  const loose = await world({ options: { authorizationServers: [jwtVerifier({ issuer, typ: 'jwt' })] } })
  for (const sub of [undefined, '']) {
    expect((await loose.call(post(await token({ sub }, { typ: 'JWT' })))).status).toBe(200)
    expect(loose.auth?.subject).toBeUndefined()
    expect(loose.auth?.clientId).toBe('client-1')
  }
})

test('a signed token whose claims are nested deeper than a call stack is good like any other', async () => {
  const depth = 5500
  const deep = JSON.stringify(good).replace(/\}$/, `,"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`)
  const it = await world()
  const text = await rawToken({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' }, deep)
  expect((await it.call(post(text))).status).toBe(200)
  // Not signed by the issuer: 401, and not 503.
  expect(await verdict(await it.call(post(`${text.slice(0, -4)}AAAA`)))).toBe('401-tok')
})
