// What the official SDK sees of our client when it drives, call by call. The whole of it runs in
// test/client/outside-servers.node.test.ts.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, pasteRedirect, type ClientOptions } from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, issuer, resource } from '../support/client-world.ts'

const uri = 'http://127.0.0.1:4569/callback'
const other = 'https://other.test'
const world = createWorld()
const bridge = (options: ClientOptions = {}): ReturnType<typeof toOAuthClientProvider> =>
  toOAuthClientProvider(
    createClient({ fetch: world.fetch, clock: world.clock, redirect: uri, ...options }),
    resource,
  )

describe('what it keeps', () => {
  test('CL9 registrations and tokens by issuer, in the storage, for the next process', async () => {
    const storage = memoryStorage()
    const first = bridge({ storage })
    await first.saveClientInformation({ client_id: 'c', client_secret: 's' }, { issuer })
    await first.saveTokens(
      { access_token: 'a', token_type: 'Bearer', refresh_token: 'r', scope: 'read write', expires_in: 900 },
      { issuer },
    )
    const next = bridge({ storage })
    expect(await next.clientInformation({ issuer })).toMatchObject({
      client_id: 'c',
      client_secret: 's',
      issuer,
    })
    expect(await next.tokens({ issuer })).toEqual({
      access_token: 'a',
      token_type: 'bearer',
      refresh_token: 'r',
      scope: 'read write',
      expires_in: 900,
      issuer,
    })
    // Reads for a single request name no issuer.
    expect(await next.tokens()).toMatchObject({ access_token: 'a' })
    expect(await next.clientInformation({ issuer: other })).toBeUndefined()
    expect(await next.tokens({ issuer: other })).toBeUndefined()
    const neighbour = bridge({ storage, subject: 'bob' })
    expect(await neighbour.tokens({ issuer })).toBeUndefined()
    await next.invalidateCredentials('tokens')
    expect([await next.tokens({ issuer }), (await next.clientInformation({ issuer }))?.client_id]).toEqual([
      undefined,
      'c',
    ])
    await next.invalidateCredentials('all')
    expect(await next.clientInformation({ issuer })).toBeUndefined()
  })

  test('RFC 7591 §3.2.1 the method that the server chose, and the end of the secret', async () => {
    const storage = memoryStorage()
    const provider = bridge({ storage })
    await provider.saveClientInformation(
      {
        client_id: 'c',
        client_secret: 's',
        token_endpoint_auth_method: 'client_secret_post',
        client_secret_expires_at: world.now + 100,
      },
      { issuer },
    )
    expect(await provider.clientInformation({ issuer })).toMatchObject({
      token_endpoint_auth_method: 'client_secret_post',
    })
    world.now += 101
    expect(await provider.clientInformation({ issuer })).toBeUndefined()
  })

  test('a client registered by hand is the first choice, at its own issuer alone', async () => {
    const clients = [
      { issuer, clientId: 'by-hand', clientSecret: 's', authMethod: 'client_secret_post' as const },
    ]
    const provider = bridge({ clients })
    expect(await provider.clientInformation({ issuer })).toEqual({
      client_id: 'by-hand',
      client_secret: 's',
      token_endpoint_auth_method: 'client_secret_post',
      issuer,
    })
    expect(await provider.clientInformation({ issuer: other })).toBeUndefined()
  })

  test('no authorization under way: no verifier', async () => {
    const provider = bridge()
    await expect(provider.codeVerifier()).rejects.toMatchObject({ code: 'invalid_callback' })
    await provider.saveCodeVerifier('v')
    expect(await provider.codeVerifier()).toBe('v')
  })
})

describe('CL6 the callback', () => {
  test('CL6 state is checked, once: missing, wrong, twice, replayed', async () => {
    const provider = bridge()
    for (const query of ['code=x', 'code=x&state=forged', 'code=x&state=S&state=S']) {
      const state = await provider.state()
      await expect(
        provider.callback(`${uri}?iss=${issuer}&${query.replaceAll('S', state)}`),
      ).rejects.toMatchObject({
        code: 'invalid_callback',
      })
    }
    const back = `${uri}?code=x&iss=${issuer}&state=${await provider.state()}`
    expect((await provider.callback(back)).get('code')).toBe('x')
    await expect(provider.callback(back)).rejects.toMatchObject({ code: 'invalid_callback' })
  })

  test('CL5 only a web page is shown: the metadata were read by others', async () => {
    const shown: URL[] = []
    const ask = (url: URL): string => {
      shown.push(url)
      return `${uri}?code=x&iss=${issuer}&state=${url.searchParams.get('state')}`
    }
    const provider = bridge({ redirect: pasteRedirect({ uri, ask }) })
    for (const text of [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'ms-settings:x',
      'http://evil.test/',
      'https://10.0.0.1/',
    ])
      await expect(provider.redirectToAuthorization(new URL(text))).rejects.toMatchObject({
        code: 'invalid_request',
      })
    expect(shown).toEqual([])
    await provider.redirectToAuthorization(new URL(`${issuer}/authorize?state=${await provider.state()}`))
    expect((await provider.callback()).get('code')).toBe('x')
    expect(provider.authorizationUrl?.origin).toBe(issuer)
  })

  test('what cannot be pasted is no answer', async () => {
    const provider = bridge({ redirect: pasteRedirect({ uri, ask: () => 'yes, done' }) })
    const page = new URL(`${issuer}/authorize?state=${await provider.state()}`)
    await expect(provider.redirectToAuthorization(page)).rejects.toMatchObject({ code: 'invalid_callback' })
  })
})

test('options that cannot work are refused at once', () => {
  const client = createClient({ redirect: uri })
  expect(() => toOAuthClientProvider(client, 'nonsense')).toThrow(
    expect.objectContaining({ option: 'server' }),
  )
  expect(() => toOAuthClientProvider(createClient(), resource)).toThrow(
    expect.objectContaining({ option: 'redirect' }),
  )
  expect(() => toOAuthClientProvider({} as never, resource)).toThrow('createClient()')
})
