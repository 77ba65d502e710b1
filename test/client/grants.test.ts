import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import {
  clientCredentials,
  createClient,
  enterpriseManaged,
  workloadIdentity,
  type ClientOptions,
} from '../../src/client/index.ts'
import { createWorld, issuer, json, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, ...options })
const basicOf = (header: string | null): string => atob(header!.replace('Basic ', ''))

test('RFC 6749 §4.4 client_credentials with a secret, Basic; a new token when it ends', async () => {
  const world = createWorld()
  world.issueRefresh = false
  const client = clientFor(world, {
    clients: [{ issuer, servers: [resource], clientId: 'a_b-c.d', clientSecret: 'p:w%+ ' }],
    grant: clientCredentials(),
  })
  expect((await client.fetch(resource)).status).toBe(200)
  const [request] = world.to(`${issuer}/token`)
  expect(Object.fromEntries(new URLSearchParams(request!.body))).toEqual({
    grant_type: 'client_credentials',
    resource,
    scope: 'read',
  })
  expect(basicOf(request!.headers.get('authorization'))).toBe('a_b-c.d:p%3Aw%25%2B+')
  world.now += 901
  world.tokens.clear()
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.to(`${issuer}/token`)).toHaveLength(2)
  expect(world.to(`${issuer}/register`)).toHaveLength(0)
})

/** A client whose token has ended, and that got none to refresh it with. */
async function expired(): Promise<{ world: World; client: ReturnType<typeof createClient> }> {
  const world = createWorld()
  world.issueRefresh = false
  const options = {
    clients: [{ issuer, servers: [resource], clientId: 'c', clientSecret: 's' }],
    grant: clientCredentials(),
  }
  const client = clientFor(world, options)
  await client.fetch(resource)
  world.now += 901
  world.seen.length = 0
  return { world, client }
}

test('RFC 6749 §4.4 without a user the next token comes in time; a refusal is final', async () => {
  const { world, client } = await expired()
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch(resource)))
  expect([...new Set(answers.map(({ status }) => status))]).toEqual([200])
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
  expect(world.to(resource)).toHaveLength(20)
  expect(world.forms(`${issuer}/token`)[0]).toMatchObject({ scope: 'read', resource })
  world.now += 901
  world.tokens.clear()
  world.seen.length = 0
  world.on(`${issuer}/token`, () => json({ error: 'invalid_scope' }, 400))
  await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_scope' })
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
})

test('CL14 without a user, one of many callers is slow to start: still one token request', async () => {
  const { world, client } = await expired()
  const digest = crypto.subtle.digest.bind(crypto.subtle)
  let calls = 0
  vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (...parameters) => {
    if (calls++ % 7 === 6) await new Promise((resolve) => setTimeout(resolve, 30))
    return digest(...parameters)
  })
  try {
    await Promise.all(Array.from({ length: 20 }, () => client.fetch(resource)))
  } finally {
    vi.restoreAllMocks()
  }
  expect(calls).toBeGreaterThan(20)
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
})

test('client_secret_post where only that is listed', async () => {
  const world = createWorld()
  world.metadata['token_endpoint_auth_methods_supported'] = ['client_secret_post']
  await clientFor(world, {
    clients: [{ issuer, servers: [resource], clientId: 'c', clientSecret: 's' }],
    grant: clientCredentials(),
  }).fetch(resource)
  expect(world.forms(`${issuer}/token`)[0]).toMatchObject({ client_id: 'c', client_secret: 's' })
})

test('RFC 7523 §2.2 private_key_jwt: audience is the issuer as a sole string, by our clock', async () => {
  const world = createWorld()
  const { publicKey, privateKey } = (await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign', 'verify'],
  )) as CryptoKeyPair
  await clientFor(world, {
    clients: [{ issuer, servers: [resource], clientId: 'c', privateKey: { key: privateKey, kid: 'k1' } }],
    grant: clientCredentials(),
  }).fetch(resource)
  const { client_assertion: assertion, client_assertion_type: type } = world.forms(`${issuer}/token`)[0]!
  expect(type).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  const { payload, protectedHeader } = await jwtVerify(assertion!, publicKey, {
    currentDate: new Date(world.now * 1000),
  })
  expect(payload).toMatchObject({ iss: 'c', sub: 'c', aud: issuer, iat: world.now, exp: world.now + 60 })
  expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'k1' })
})

test('SEP-1933 workload identity: the refusal is final', async () => {
  const world = createWorld()
  world.on(`${issuer}/token`, () =>
    json({ error: 'invalid_grant', error_description: 'no such workload' }, 400),
  )
  const asked: string[] = []
  const assertion = (at: string): string => {
    asked.push(at)
    return 'workload.jwt'
  }
  const client = clientFor(world, {
    clients: [{ issuer, servers: [resource], clientId: 'w' }],
    grant: workloadIdentity({ assertion }),
  })
  await expect(client.fetch(resource)).rejects.toMatchObject({
    code: 'invalid_grant',
    message: 'no such workload',
  })
  expect(world.forms(`${issuer}/token`)).toEqual([
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'workload.jwt',
      resource,
      scope: 'read',
      client_id: 'w',
    },
  ])
  expect(asked).toEqual([issuer])
})

test('enterprise-managed authorization: ID token, identity assertion, access token', async () => {
  const world = createWorld()
  const idp = 'https://idp.test/token'
  let type = 'urn:ietf:params:oauth:token-type:id-jag'
  world.on(idp, () =>
    json({ issued_token_type: type, access_token: 'id-jag', token_type: 'N_A', expires_in: 60 }),
  )
  const grant = enterpriseManaged({ tokenEndpoint: idp, clientId: 'at-idp', idToken: () => 'id-token' })
  const options = { clients: [{ issuer, servers: [resource], clientId: 'c', clientSecret: 's' }], grant }
  expect((await clientFor(world, options).fetch(resource)).status).toBe(200)
  expect(world.forms(idp)[0]).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: type,
    audience: issuer,
    resource,
    scope: 'read',
    subject_token: 'id-token',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    client_id: 'at-idp',
  })
  expect(world.forms(`${issuer}/token`)[0]).toMatchObject({
    assertion: 'id-jag',
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  })
  type = 'urn:ietf:params:oauth:token-type:access_token'
  await expect(clientFor(world, options).fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
})

test('RFC 9449: proofs at both servers, each nonce asked for once, bound to the request and the token', async () => {
  const world = createWorld()
  world.metadata['dpop_signing_alg_values_supported'] = ['ES256']
  const proofs: Record<string, string[]> = { as: [], rs: [] }
  world.on(`${issuer}/token`, ({ headers }) => {
    const proof = headers.get('dpop')!
    proofs['as']!.push(proof)
    if (decodeJwt(proof)['nonce'] !== 'n-as')
      return json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': 'n-as' })
    return json({ access_token: 'bound', token_type: 'DPoP', expires_in: 900, scope: 'read' })
  })
  world.on(resource, ({ headers }) => {
    const proof = headers.get('dpop')
    if (proof === null)
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'DPoP scope="read", Bearer' } })
    proofs['rs']!.push(proof)
    expect(headers.get('authorization')).toBe('DPoP bound')
    if (decodeJwt(proof)['nonce'] !== 'n-rs')
      return new Response(null, {
        status: 401,
        headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n-rs' },
      })
    return json({ ok: true })
  })
  const client = clientFor(world, { redirect: world.redirect, dpop: true })
  expect((await client.fetch(`${resource}?x=1`, { method: 'POST', body: '{}' })).status).toBe(200)
  expect(proofs['as']).toHaveLength(2)
  expect(proofs['rs']).toHaveLength(2)
  const proof = proofs['rs']![1]!
  expect(decodeJwt(proof)).toMatchObject({ htm: 'POST', htu: resource, iat: world.now })
  expect(decodeJwt(proof)['ath']).toMatch(/^[\w-]{43}$/)
  expect(
    new Set(
      Object.values(proofs)
        .flat()
        .map((each) => decodeJwt(each).jti),
    ).size,
  ).toBe(4)
  expect(decodeProtectedHeader(proof)).toMatchObject({ typ: 'dpop+jwt', alg: 'ES256' })
  expect((decodeProtectedHeader(proof).jwk as Record<string, unknown>)['d']).toBeUndefined()
})

describe('P6 RFC 9449 §7.1 a challenge that offers DPoP alone is a demand, with default options', () => {
  /** Takes bound tokens only. */
  function createDpopWorld(challenge: string): World {
    const world = createWorld()
    world.metadata['dpop_signing_alg_values_supported'] = ['ES256']
    world.on(`${issuer}/token`, ({ headers }) =>
      json({
        access_token: headers.has('dpop') ? 'bound' : 'bearer',
        token_type: headers.has('dpop') ? 'DPoP' : 'Bearer',
        expires_in: 900,
        scope: 'read',
        refresh_token: 'refresh',
      }),
    )
    world.on(resource, ({ headers }) =>
      headers.get('authorization') === 'DPoP bound' && headers.has('dpop')
        ? json({ ok: true })
        : new Response(null, { status: 401, headers: { 'www-authenticate': challenge } }),
    )
    return world
  }

  test.each(['DPoP scope="read"', 'dpop algs="ES256"', 'Basic realm="x", DPoP algs="ES256"'])(
    'P6 %s',
    async (challenge) => {
      const world = createDpopWorld(challenge)
      const client = clientFor(world, { redirect: world.redirect })
      expect((await client.fetch(resource)).status).toBe(200)
      world.now += 901
      expect((await client.fetch(resource)).status).toBe(200)
      expect(world.to(`${issuer}/token`).every(({ headers }) => headers.has('dpop'))).toBe(true)
      expect(world.forms(`${issuer}/token`)).toHaveLength(2)
    },
  )

  test('P6 at a web host that starts the authorization itself', async () => {
    const world = createDpopWorld('DPoP scope="read"')
    const client = clientFor(world, { redirect: 'https://app.test/callback' })
    const page = await client.authorize(resource)
    const back = (await world.fetch(page, { redirect: 'manual' })).headers.get('location')!
    expect((await client.callback(new Request(back))).status).toBe(200)
    expect((await client.fetch(resource)).status).toBe(200)
  })

  test('P6 a server that took bearer tokens until now', async () => {
    const world = createDpopWorld('DPoP scope="read"')
    world.on(resource, ({ headers }) =>
      headers.has('authorization')
        ? json({ ok: true })
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer scope="read"' } }),
    )
    const client = clientFor(world, { redirect: world.redirect })
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.to(`${issuer}/token`)[0]!.headers.has('dpop')).toBe(false)
    const strict = createDpopWorld('DPoP error="invalid_token"')
    world.on(resource, (request) => strict.fetch(resource, { headers: request.headers }))
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.opened).toHaveLength(1)
  })

  test('P6 both schemes are an offer, and dpop: false with a demand is an error', async () => {
    const offer = createDpopWorld('DPoP algs="ES256", Bearer scope="read"')
    await clientFor(offer, { redirect: offer.redirect }).fetch(resource)
    expect(offer.to(`${issuer}/token`)[0]!.headers.has('dpop')).toBe(false)
    const world = createDpopWorld('DPoP scope="read"')
    await expect(
      clientFor(world, { redirect: world.redirect, dpop: false }).fetch(resource),
    ).rejects.toMatchObject({ code: 'dpop_required' })
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

test('RFC 9449 §8, §9: servers that want another nonce each time, or a nonce and no key: the call ends', async () => {
  for (const where of [`${issuer}/token`, resource]) {
    const world = createWorld()
    world.metadata['dpop_signing_alg_values_supported'] = ['ES256']
    world.prm['dpop_bound_access_tokens_required'] = true
    let n = 0
    world.on(`${issuer}/token`, () =>
      where === resource
        ? json({ access_token: 'bound', token_type: 'DPoP' })
        : json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': `n${n++}` }),
    )
    world.on(resource, () => {
      const nonce = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': `n${n++}` }
      return new Response(null, { status: 401, headers: nonce })
    })
    const outcome: unknown = await clientFor(world, { redirect: world.redirect })
      .fetch(resource)
      .then((response) => response.status)
      .catch((error: { code: string }) => error.code)
    expect(outcome).toBe(where === resource ? 401 : 'use_dpop_nonce')
    expect(world.seen.length).toBeLessThan(16)
  }
})

test('RFC 9449 §4.3 a proof for each request: htu without query and fragment, another jti, the nonce of a 200 in the next', async () => {
  const world = createWorld()
  world.prm['dpop_bound_access_tokens_required'] = true
  const proofs: Record<string, unknown>[] = []
  world.on(`${issuer}/token`, () => json({ access_token: 'bound', token_type: 'DPoP', expires_in: 900 }))
  world.on(resource, ({ headers }) => {
    const proof = headers.get('dpop')
    if (proof === null) return new Response(null, { status: 401, headers: { 'www-authenticate': 'DPoP' } })
    proofs.push(decodeJwt(proof))
    return json({ ok: true }, 200, { 'dpop-nonce': `n${proofs.length}` })
  })
  const client = clientFor(world, { redirect: world.redirect })
  for (let i = 0; i < 3; i++) await client.fetch(`${resource}?session=${i}#part`)
  expect(proofs.map(({ htu }) => htu)).toEqual([resource, resource, resource])
  expect(proofs.map(({ nonce }) => nonce)).toEqual([undefined, 'n1', 'n2'])
  expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3)
})

test('presets: endpoints without metadata, audience in place of resource, extra parameters', async () => {
  const world = createWorld()
  world.on('https://as.test/.well-known/oauth-authorization-server', 404)
  const client = {
    resource: 'audience',
    endpoints: { authorization: `${issuer}/authorize`, token: `${issuer}/token` },
    authorizationParameters: { access_type: 'offline' },
  } as const
  const options = {
    redirect: world.redirect,
    clients: [{ issuer, clientId: 'c' }],
    providers: [{ issuer, client }],
  }
  expect((await clientFor(world, options).fetch(resource)).status).toBe(200)
  const { searchParams } = world.opened[0]!
  expect([
    searchParams.get('audience'),
    searchParams.get('resource'),
    searchParams.get('access_type'),
  ]).toEqual([resource, null, 'offline'])
  expect(world.forms(`${issuer}/token`)[0]).toMatchObject({ audience: resource })
})

test('odd answers of real providers: null members, numbers as text, a foreign ID token, 200 for a registration', async () => {
  const world = createWorld()
  world.metadata['jwks_uri'] = null
  world.on(`${issuer}/register`, () => json({ client_id: 'c', client_secret: 's' }))
  world.on(`${issuer}/token`, () => {
    world.tokens.set('odd', { scope: 'read', resource, clientId: 'c' })
    return json(
      {
        access_token: 'odd',
        token_type: 'BEARER',
        expires_in: '3600',
        refresh_token: null,
        scope: null,
        id_token: 'nonsense',
      },
      201,
    )
  })
  const client = clientFor(world, { redirect: world.redirect })
  expect((await client.fetch(resource)).status).toBe(200)
  world.now += 3500
  await client.fetch(resource)
  expect(world.to(`${issuer}/token`)).toHaveLength(1)
})

test('a 200 with an error is an error (GitHub)', async () => {
  const world = createWorld()
  world.on(`${issuer}/token`, () => json({ error: 'bad_verification_code' }))
  await expect(clientFor(world, { redirect: world.redirect }).fetch(resource)).rejects.toMatchObject({
    code: 'bad_verification_code',
  })
})
