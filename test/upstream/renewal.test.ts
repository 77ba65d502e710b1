// Renewing and revoking upstream tokens at the provider (RFC 6749 §6, RFC 7009).
import { describe, expect, test } from 'vitest'
import { upstream } from '../../src/upstream/index.ts'
import type { Provider, SignInProfile, UpstreamAccess, UpstreamTokens } from '../../src/types.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'
import { VaultWorld } from './vault-world.ts'

const expired = (world: VaultWorld): UpstreamTokens => ({
  accessToken: 'old-access',
  refreshToken: 'old-refresh',
  expiresAt: world.now - 1,
  scopes: ['calendar'],
  issuer: 'https://id.acme.test',
})

/** A vault with expired tokens, and the provider whose token endpoint answers so. */
async function world(
  answer: () => Response,
  more: Partial<Provider> = {},
): Promise<{
  idp: UpstreamImitation
  vaults: VaultWorld
  access: UpstreamAccess
  token: () => Promise<unknown>
}> {
  const vaults = new VaultWorld()
  const idp = new UpstreamImitation({ clock: vaults.clock })
  idp.on('/token', answer)
  const [access] = upstream(idp.provider(more), { admit: () => true }).upstreams!
  await vaults.write(expired(vaults))
  const vault = vaults.vault({ fetch: idp.fetch })
  return { idp, vaults, access: access!, token: () => access!.token(vault) }
}

const good = (more: object = {}): Response =>
  Response.json({ access_token: 'new-access', token_type: 'Bearer', expires_in: 3600, ...more })

const profile = (more: Partial<SignInProfile>): Partial<Provider> => ({
  signIn: { name: 'Acme', protocol: 'oidc', ...more },
})

test('CN12 a token is renewed with the refresh token and the client’s secret', async () => {
  const { idp, vaults, token } = await world(() =>
    good({ refresh_token: 'new-refresh', scope: 'calendar mail' }),
  )
  expect(await token()).toEqual({
    accessToken: 'new-access',
    expiresAt: vaults.now + 3600,
    scopes: ['calendar', 'mail'],
  })
  const [{ form, headers }] = idp.to('/token') as [{ form: URLSearchParams; headers: Headers }, ...unknown[]]
  expect(Object.fromEntries(form)).toEqual({ grant_type: 'refresh_token', refresh_token: 'old-refresh' })
  expect(headers.get('authorization')).toMatch(/^Basic /)
  expect(await vaults.entry()).toMatchObject({
    accessToken: 'new-access',
    refreshToken: 'new-refresh',
    issuer: 'https://id.acme.test',
  })
})

test('the old refresh token and the old scopes stay if no new ones come', async () => {
  const { vaults, token } = await world(() => good({ refresh_token: null }))
  expect(await token()).toMatchObject({ accessToken: 'new-access', scopes: ['calendar'] })
  expect(await vaults.entry()).toMatchObject({ refreshToken: 'old-refresh' })
})

test('tokens without an expiry are used as they are', async () => {
  const { vaults, token, idp } = await world(() => good())
  const { expiresAt: _, ...entry } = expired(vaults)
  await vaults.write(entry)
  expect(await token()).toMatchObject({ accessToken: 'old-access' })
  expect(idp.requests).toEqual([])
})

describe('CN12 the provider has ended it: invalid_grant', () => {
  test.each<[string, () => Response]>([
    ['invalid_grant', () => Response.json({ error: 'invalid_grant' }, { status: 400 })],
    [
      'interaction_required (Entra ID)',
      () => Response.json({ error: 'interaction_required' }, { status: 400 }),
    ],
    ['bad_refresh_token with 200 (GitHub)', () => Response.json({ error: 'bad_refresh_token' })],
    [
      'invalid_refresh_token with 200 (Slack)',
      () => Response.json({ ok: false, error: 'invalid_refresh_token' }),
    ],
  ])('%s', async (_, answer) => {
    const { vaults, token } = await world(answer)
    await expect(token()).rejects.toMatchObject({ code: 'invalid_grant', status: 400 })
    expect(vaults.types()).toContain('upstream.ended')
    expect(await vaults.entry()).toBeFalsy()
  })
})

describe('CN12 an outage, and what only looks like an end: 503, and nothing is lost', () => {
  test.each<[string, () => Response, number]>([
    ['500', () => new Response('', { status: 500 }), 5],
    ['503 with Retry-After', () => new Response('', { status: 503, headers: { 'retry-after': '17' } }), 17],
    ['429', () => new Response('', { status: 429, headers: { 'retry-after': '30' } }), 30],
    ['429 with a fraction', () => new Response('', { status: 429, headers: { 'retry-after': '0.2' } }), 1],
    ['429 with a date', () => new Response('', { status: 429, headers: { 'retry-after': 'tomorrow' } }), 5],
    ['server_error', () => Response.json({ error: 'server_error' }, { status: 400 }), 5],
    ['a wrong secret of ours', () => Response.json({ error: 'invalid_client' }, { status: 401 }), 5],
    ['no token', () => Response.json({}), 5],
    ['no JSON', () => new Response('<h1>Maintenance</h1>'), 5],
  ])('%s', async (_, answer, retryAfter) => {
    const { vaults, token } = await world(answer)
    await expect(token()).rejects.toMatchObject({ code: 'temporarily_unavailable', status: 503, retryAfter })
    expect(await vaults.entry()).toMatchObject({ refreshToken: 'old-refresh' })
  })

  test('metadata out of reach', async () => {
    const { idp, vaults, token } = await world(() => good())
    idp.on('/.well-known/openid-configuration', () => new Response('', { status: 500 }))
    await expect(token()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(await vaults.entry()).toMatchObject({ refreshToken: 'old-refresh' })
  })

  test('a refused client is told to the operator, with the provider’s code', async () => {
    const { vaults, token } = await world(() => Response.json({ error: 'invalid_client' }, { status: 401 }))
    await expect(token()).rejects.toThrow()
    expect(vaults.events).toContainEqual(
      expect.objectContaining({ type: 'upstream.refused', error: 'invalid_client' }),
    )
  })
})

describe('revocation', () => {
  const tokens = { accessToken: 'a', refreshToken: 'r', issuer: 'https://id.acme.test' }
  const revoke = async (more: Partial<Provider>, prepare?: (idp: UpstreamImitation) => unknown) => {
    const { idp, vaults, access } = await world(() => good(), more)
    prepare?.(idp)
    await access.revoke(tokens, vaults.vault({ fetch: idp.fetch }).runtime)
    return { idp, vaults, access }
  }

  test('RFC 7009 §2.1: refresh token, then access token, as the client', async () => {
    const { idp } = await revoke({})
    const sent = idp.to('/revoke').map(({ form }) => Object.fromEntries(form))
    expect(sent).toEqual([
      { token: 'r', token_type_hint: 'refresh_token' },
      { token: 'a', token_type_hint: 'access_token' },
    ])
    expect(idp.to('/revoke')[0]!.headers.get('authorization')).toMatch(/^Basic /)
  })

  test('one token is enough if it ends all', async () => {
    const { idp, access } = await revoke(profile({ revocationEndsAll: true }))
    expect(idp.revoked).toEqual(['r'])
    expect(access.revocationEndsAll).toBe(true)
  })

  test('GitHub: DELETE, with the client’s secret', async () => {
    const github: Partial<Provider> = {
      ...profile({ protocol: 'oauth2', revocation: 'github' }),
      opaque: { issuer: 'x', endpoint: 'https://id.acme.test/applications/our/token' },
    }
    const prepare = (status: number) => (idp: UpstreamImitation) =>
      idp.on('/applications/our/token', () => new Response(null, { status }))
    const { idp, vaults } = await revoke(github, prepare(204))
    const [request] = idp.to('/applications/our/token')
    expect(request).toMatchObject({ method: 'DELETE' })
    expect(request!.headers.get('authorization')).toMatch(/^Basic /)
    expect([...request!.form.keys()]).toEqual(['{"access_token":"a"}'])
    expect(vaults.types()).toEqual([])
    // Gone already.
    expect((await revoke(github, prepare(404))).vaults.types()).toEqual([])
    expect((await revoke(github, prepare(401))).vaults.types()).toEqual(['upstream.revocation-failed'])
  })

  test('none, and a provider without an endpoint', async () => {
    expect((await revoke(profile({ revocation: 'none' }))).idp.revoked).toEqual([])
    const { idp, vaults } = await revoke({}, ({ metadata }) => delete metadata['revocation_endpoint'])
    expect([idp.revoked, vaults.types()]).toEqual([[], []])
  })

  test.each<[string, () => Response]>([
    ['500', () => new Response('', { status: 500 })],
    ['a refusal', () => Response.json({ error: 'invalid_client' }, { status: 401 })],
  ])('never rejects: %s is an event', async (_, answer) => {
    const { vaults } = await revoke({}, (idp) => idp.on('/revoke', answer))
    expect(vaults.events).toEqual([
      expect.objectContaining({ type: 'upstream.revocation-failed', issuer: 'https://id.acme.test' }),
    ])
  })
})
