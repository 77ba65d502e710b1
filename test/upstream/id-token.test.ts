// ID tokens (OpenID Connect Core §3.1.3.7) and the keys that sign them.
import { base64url } from '../../src/lib/bytes.ts'
import { CompactEncrypt } from 'jose/jwe/compact/encrypt'
import { SignJWT } from 'jose/jwt/sign'
import { UnsecuredJWT } from 'jose/jwt/unsecured'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { describe, expect, test } from 'vitest'
import { codeOf, expectRedirect } from '../support/pages.ts'
import { alice, UpstreamWorld, type WorldOptions } from '../support/upstream.ts'
import { without, type UpstreamImitation } from '../support/upstream-imitation.ts'

const other = 'another client'
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

type Claims = Record<string, unknown>
const changed =
  (more: Claims) =>
  (idp: UpstreamImitation): void => {
    idp.claims = (claims) => ({ ...claims, ...more })
  }

async function subjectAfter(
  prepare: (idp: UpstreamImitation) => unknown,
  options: WorldOptions = {},
): Promise<unknown> {
  const world = new UpstreamWorld(options)
  await prepare(world.idp)
  const { access_token: token } = await world.tokens(await world.signIn())
  expect(await world.rig.call(token)).toBe(200)
  return world.rig.seen[0]!.subject
}

describe('good ones', () => {
  const good: Record<string, (idp: UpstreamImitation) => void> = {
    plain: () => undefined,
    'a list with this client only': (idp) => changed({ aud: [idp.clientId] })(idp),
    'a list with others, and azp is this client': (idp) =>
      changed({ aud: [idp.clientId, other], azp: idp.clientId })(idp),
    'azp is this client': (idp) => changed({ azp: idp.clientId })(idp),
    'expired three seconds ago': (idp) => changed({ exp: idp.clock() - 3 })(idp),
    'issued three seconds from now': (idp) => changed({ iat: idp.clock() + 3, nbf: idp.clock() + 3 })(idp),
  }
  test.each(Object.entries(good))('%s', async (_, prepare) => {
    expect(await subjectAfter(prepare)).toBe(`https://id.acme.test|${alice.sub}`)
  })

  test.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('%s', async (alg) => {
    expect(await subjectAfter((idp) => (idp.alg = alg))).toContain(alice.sub)
  })

  test('without kid, and several keys fit', async () => {
    const prepare = (idp: UpstreamImitation): void => {
      idp.sign = async (payload) => {
        const { privateKey } = await idp.keys()
        return new SignJWT(payload).setProtectedHeader({ alg: idp.alg }).sign(privateKey)
      }
      idp.on('/jwks', async () => {
        const current = await idp.publicKey()
        idp.kid = 'older'
        const older = await idp.publicKey()
        idp.kid = 'key-1'
        return Response.json({ keys: [older, current] })
      })
    }
    expect(await subjectAfter(prepare)).toContain(alice.sub)
  })
})

describe('CN10 bad ones: server_error, no grant, and the tokens are revoked', () => {
  const bad: Record<string, (idp: UpstreamImitation) => unknown> = {
    missing: (idp) => (idp.tokenAnswer = (answer) => without(answer, 'id_token')),
    'not a JWT': (idp) => (idp.sign = async () => 'gho_opaque'),
    'signed with another key': async (idp) => {
      const { privateKey } = await generateKeyPair('ES256')
      idp.sign = (payload) =>
        new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: idp.kid }).sign(privateKey)
    },
    'with a changed payload': (idp) => {
      idp.sign = async (payload) => {
        const [header, , signature] = (await idp.signed(payload)).split('.')
        return `${header}.${base64url(utf8(JSON.stringify({ ...payload, sub: 'admin' })))}.${signature}`
      }
    },
    'alg none': (idp) => {
      idp.sign = async (payload) => new UnsecuredJWT(payload).encode()
    },
    'HS256 with the client secret': (idp) => {
      idp.sign = (payload) =>
        new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(utf8(idp.clientSecret!.repeat(8)))
    },
    'HS256 with the public key': (idp) => {
      idp.sign = async (payload) => {
        const text = JSON.stringify(await idp.publicKey())
        return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: idp.kid }).sign(utf8(text))
      }
    },
    encrypted: async (idp) => {
      const { publicKey } = await generateKeyPair('ECDH-ES')
      idp.sign = (payload) =>
        new CompactEncrypt(utf8(JSON.stringify(payload)))
          .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
          .encrypt(publicKey)
    },
    'a key that the header brings': async (idp) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
      const { exportJWK } = await import('jose/key/export')
      const jwk = await exportJWK(publicKey)
      idp.sign = (payload) => new SignJWT(payload).setProtectedHeader({ alg: 'ES256', jwk }).sign(privateKey)
    },
    'of another issuer': changed({ iss: 'https://id.evil.test' }),
    'of the issuer with a slash': changed({ iss: 'https://id.acme.test/' }),
    'without iss': changed({ iss: undefined }),
    'for another client': changed({ aud: other }),
    'without aud': changed({ aud: undefined }),
    'for others, none of them this client': changed({ aud: [other, 'a third'] }),
    'for this client and others, without azp': (idp) => changed({ aud: [idp.clientId, other] })(idp),
    'azp is another client': changed({ azp: other }),
    'with another nonce': changed({ nonce: 'n-0S6_WzA2Mj' }),
    'without nonce': changed({ nonce: undefined }),
    expired: (idp) => changed({ exp: idp.clock() - 6 })(idp),
    'without exp': changed({ exp: undefined }),
    'exp in text': (idp) => changed({ exp: String(idp.clock() + 300) })(idp),
    'issued in the future': (idp) => changed({ iat: idp.clock() + 10 })(idp),
    'without iat': changed({ iat: undefined }),
    'not valid yet': (idp) => changed({ nbf: idp.clock() + 10 })(idp),
    'without sub': changed({ sub: undefined }),
    'an empty sub': changed({ sub: '' }),
    'sub is an object': changed({ sub: { id: 1 } }),
  }

  test.each(Object.entries(bad))('%s', async (_, prepare) => {
    const world = new UpstreamWorld()
    await prepare(world.idp)
    expectRedirect(await world.signIn(), 'server_error')
    expect(world.rig.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
    expect(world.rig.events).toContainEqual(expect.objectContaining({ type: 'upstream.refused' }))
    await expect
      .poll(() => world.idp.revoked, { timeout: 10_000 })
      .toEqual(['upstream-refresh-0', 'upstream-access-0'])
  })

  test('an algorithm that the profile does not list', async () => {
    const signIn = { name: 'Acme', protocol: 'oidc' as const, idTokenAlgorithms: ['RS256'] }
    const world = new UpstreamWorld({ provider: { signIn } })
    expectRedirect(await world.signIn(), 'server_error')
    world.idp.alg = 'RS256'
    world.idp.kid = 'rsa'
    world.rig.now += 60
    codeOf(await world.signIn())
  })
})

describe('issuers', () => {
  const tid = '11111111-2222-3333-4444-555555555555'
  const multiTenant = {
    provider: {
      signIn: {
        name: 'Acme',
        protocol: 'oidc' as const,
        idTokenIssuers: ['https://id.acme.test/{tid}/v2.0'],
      },
    },
  }

  test('{tid} is the tenant of the token, and the subject belongs to the tenant', async () => {
    const prepare = changed({ iss: `https://id.acme.test/${tid}/v2.0`, tid })
    expect(await subjectAfter(prepare, multiTenant)).toBe(`https://id.acme.test/${tid}/v2.0|${alice.sub}`)
  })

  test.each([
    ['names none', undefined, true],
    ['is of every tenant', 'https://id.acme.test/{tenantid}/v2.0', true],
    ['is of this tenant', `https://id.acme.test/${tid}/v2.0`, true],
    ['is of another tenant', `https://id.acme.test/${tid.replace('1', '9')}/v2.0`, false],
    ['is of another host', 'https://id.evil.test/{tenantid}/v2.0', false],
    ['is no text', 7, false],
  ])('{tid}: a key whose `issuer` %s', async (_, keyIssuer, accepted) => {
    const world = new UpstreamWorld(multiTenant)
    changed({ iss: `https://id.acme.test/${tid}/v2.0`, tid })(world.idp)
    world.idp.on('/jwks', async () =>
      Response.json({ keys: [{ ...(await world.idp.publicKey()), issuer: keyIssuer }] }),
    )
    const { location } = await world.signIn()
    expect(location?.searchParams.has('code')).toBe(accepted)
  })

  test('the `issuer` of a key means nothing if the provider is one issuer', async () => {
    const prepare = (idp: UpstreamImitation): void =>
      idp.on('/jwks', async () => Response.json({ keys: [{ ...(await idp.publicKey()), issuer: 'x' }] }))
    expect(await subjectAfter(prepare)).toContain(alice.sub)
  })

  test.each([
    ['another tenant', { iss: `https://id.acme.test/${tid}/v2.0`, tid: tid.replace('1', '9') }],
    ['no tid', { iss: `https://id.acme.test/${tid}/v2.0` }],
    ['a tid that is no GUID', { iss: 'https://id.acme.test/x/v2.0', tid: 'x' }],
    ['a tid with a path', { iss: 'https://id.acme.test/../../evil/v2.0', tid: '../../evil' }],
    ['the template itself', { iss: 'https://id.acme.test/{tid}/v2.0', tid: '{tid}' }],
    ['the plain issuer', {}],
  ])('{tid}: %s is refused', async (_, claims) => {
    const world = new UpstreamWorld(multiTenant)
    changed(claims)(world.idp)
    expectRedirect(await world.signIn(), 'server_error')
  })

  test('two spellings of one issuer are one user', async () => {
    const options: WorldOptions = {
      provider: {
        signIn: {
          name: 'Acme',
          protocol: 'oidc',
          idTokenIssuers: ['https://id.acme.test', 'id.acme.test'],
        },
      },
    }
    const subjects = [
      await subjectAfter(() => undefined, options),
      await subjectAfter(changed({ iss: 'id.acme.test' }), options),
    ]
    expect(subjects).toEqual([`https://id.acme.test|${alice.sub}`, `https://id.acme.test|${alice.sub}`])
  })
})

describe('the key set', () => {
  test('is fetched once for ten minutes', async () => {
    const world = new UpstreamWorld()
    for (let i = 0; i < 3; i++) codeOf(await world.signIn())
    expect(world.idp.to('/jwks')).toHaveLength(1)
    expect(world.idp.to('/.well-known/openid-configuration')).toHaveLength(1)
    world.rig.now += 601
    codeOf(await world.signIn())
    expect(world.idp.to('/jwks')).toHaveLength(2)
    expect(world.idp.to('/.well-known/openid-configuration')).toHaveLength(2)
  })

  test('a new key is found by one more fetch, at most once in 30 s', async () => {
    const world = new UpstreamWorld()
    codeOf(await world.signIn())
    world.idp.kid = 'key-2'
    // The next fetch may have it, so the user is told to try again.
    expectRedirect(await world.signIn(), 'temporarily_unavailable')
    expect(world.idp.to('/jwks')).toHaveLength(1)
    world.rig.now += 30
    codeOf(await world.signIn())
    expect(world.idp.to('/jwks')).toHaveLength(2)
  })

  test('an outage is bridged by the old set for a day', async () => {
    const world = new UpstreamWorld()
    codeOf(await world.signIn())
    world.idp.on('/jwks', () => new Response('down', { status: 500 }))
    world.rig.now += 3600
    codeOf(await world.signIn())
    world.rig.now += 86_400
    expectRedirect(await world.signIn(), 'temporarily_unavailable')
  })

  test.each([
    ['500', () => new Response('down', { status: 500 })],
    ['404', () => new Response('none', { status: 404 })],
    ['a page', () => new Response('<h1>Hi</h1>')],
    ['another document', () => Response.json({ issuer: 'x' })],
  ])('that was never had: %s is an outage', async (_, answer) => {
    const world = new UpstreamWorld()
    world.idp.on('/jwks', answer)
    expectRedirect(await world.signIn(), 'temporarily_unavailable')
    expect(world.rig.events).toContainEqual(expect.objectContaining({ type: 'server.unavailable' }))
  })
})
