// The bridge under an SDK that names no issuer (v1 until 1.25 stamps none), and before a server that changes
// its word.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, type ClientOptions } from '../../src/client/index.ts'
import { toOAuthClientProvider, type SdkClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

const uri = 'http://127.0.0.1:4569/callback'
const evil = 'https://evil.test'
const secondServer = 'https://second.test/mcp'

const bridge = (world: World, options: ClientOptions = {}, server = resource): SdkClientProvider =>
  toOAuthClientProvider(
    createClient({ fetch: world.fetch, clock: world.clock, redirect: uri, ...options }),
    server,
  )

/** Another authorization server, which the MCP server may name. */
function addIssuer(world: World, at: string, change: object = {}): void {
  world.on(`${at}/.well-known/oauth-authorization-server`, {
    ...world.metadata,
    issuer: at,
    authorization_endpoint: `${at}/authorize`,
    token_endpoint: `${at}/token`,
    registration_endpoint: `${at}/register`,
    ...change,
  })
}

/** What SDK v1 does after a registration and an exchange: it names no issuer anywhere. */
async function connect(provider: SdkClientProvider): Promise<void> {
  await provider.clientInformation()
  await provider.saveClientInformation({ client_id: 'client-of-a', client_secret: 'secret-of-a' })
  await provider.saveTokens({
    access_token: 'access-of-a',
    token_type: 'Bearer',
    refresh_token: 'refresh-of-a',
  })
}

const addSecondServer = (world: World, at: string): void =>
  world.on('https://second.test/.well-known/oauth-protected-resource/mcp', {
    resource: secondServer,
    authorization_servers: [at],
  })

describe('S5 CL9 without an issuer from the SDK', () => {
  test('S5 what was kept is there again for the same server and issuer, in another process, too', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    await connect(bridge(world, { storage }))
    const next = bridge(world, { storage })
    expect(await next.clientInformation()).toMatchObject({
      client_id: 'client-of-a',
      client_secret: 'secret-of-a',
      issuer,
    })
    expect(await next.tokens()).toMatchObject({
      access_token: 'access-of-a',
      refresh_token: 'refresh-of-a',
      issuer,
    })
  })

  test.each([issuer, evil])('S5 nothing is read across servers, also at issuer %s', async (at) => {
    const world = createWorld()
    const storage = memoryStorage()
    await connect(bridge(world, { storage }))
    addIssuer(world, evil)
    addSecondServer(world, at)
    const second = bridge(world, { storage }, secondServer)
    expect(await second.tokens()).toBeUndefined()
    expect(await second.clientInformation()).toBeUndefined()
    expect(await second.tokens()).toBeUndefined()
  })

  test('S5 the server names another issuer: no registration, secret or refresh token of the first', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const same = bridge(world, { storage })
    await connect(same)
    addIssuer(world, evil)
    world.prm['authorization_servers'] = [evil]
    for (const provider of [same, bridge(world, { storage })]) {
      expect(await provider.clientInformation()).toBeUndefined()
      expect(await provider.tokens()).toBeUndefined()
    }
    // Back again, what belongs to the first is still its own.
    world.prm['authorization_servers'] = [issuer]
    expect(await bridge(world, { storage }).clientInformation()).toMatchObject({ client_id: 'client-of-a' })
  })

  test('S5 before the issuer is known, the access token goes to its own server, and no refresh token is told', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    await connect(bridge(world, { storage }))
    const tokens = await bridge(world, { storage }).tokens()
    expect(tokens).toMatchObject({ access_token: 'access-of-a' })
    expect(tokens).not.toHaveProperty('refresh_token')
  })

  test('S5 the SDK says another issuer than we discover: kept for that one alone', async () => {
    const world = createWorld()
    const provider = bridge(world)
    await provider.clientInformation()
    await provider.saveClientInformation({ client_id: 'x', client_secret: 'y', issuer: evil })
    await provider.saveTokens({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r', issuer: evil })
    expect(await provider.clientInformation()).toBeUndefined()
    expect(await provider.tokens()).toBeUndefined()
  })

  test('S5 a discovery from before is not handed out once the server names another issuer', async () => {
    const world = createWorld()
    const provider = bridge(world)
    const state = { authorizationServerUrl: `${issuer}/`, authorizationServerMetadata: { issuer } }
    await provider.saveDiscoveryState(state)
    expect(await provider.discoveryState()).toEqual(state)
    addIssuer(world, evil)
    world.prm['authorization_servers'] = [evil]
    expect(await provider.discoveryState()).toBeUndefined()
  })

  test('S5 T1 credentials in "clients": for their servers, and the secret only to the endpoint of their issuer', async () => {
    const world = createWorld()
    const entry = { issuer, clientId: 'by-hand', clientSecret: 'hand-secret', servers: [resource] }
    const provider = bridge(world, { clients: [entry] })
    expect(await provider.clientInformation()).toMatchObject({
      client_id: 'by-hand',
      client_secret: undefined,
    })
    const headers = new Headers()
    await provider.addClientAuthentication(headers, new URLSearchParams(), `${issuer}/token`)
    expect(headers.get('authorization')).toBe(`Basic ${btoa('by-hand:hand-secret')}`)
    addSecondServer(world, issuer)
    const second = bridge(world, { clients: [entry] }, secondServer)
    await expect(second.clientInformation()).rejects.toMatchObject({ code: 'server_not_allowed' })
  })

  test('S5 invalidating drops what is held for every issuer of this server', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    await connect(bridge(world, { storage }))
    addIssuer(world, evil)
    world.prm['authorization_servers'] = [evil]
    const provider = bridge(world, { storage })
    await provider.clientInformation()
    await provider.invalidateCredentials('tokens')
    world.prm['authorization_servers'] = [issuer]
    await provider.clientInformation()
    expect(await provider.tokens()).toBeUndefined()
  })

  test('T3 signing out the client revokes what the bridge holds', async () => {
    const world = createWorld()
    const client = createClient({ fetch: world.fetch, clock: world.clock, redirect: uri })
    const provider = toOAuthClientProvider(client, resource)
    await connect(provider)
    await client.signOut(`${resource}/`)
    expect(world.forms(`${issuer}/revoke`).map(({ token }) => token)).toEqual(['refresh-of-a', 'access-of-a'])
    expect(await provider.tokens()).toBeUndefined()
  })
})

describe('S6 the answer to the SDK comes from the issuer that was discovered', () => {
  const rows: [advertised: boolean | undefined, iss: string, good: boolean][] = [
    [true, `&iss=${issuer}`, true],
    [true, '', false],
    [true, `&iss=${evil}`, false],
    [undefined, '', true],
    [undefined, `&iss=${evil}`, false],
    [undefined, `&iss=${issuer}/`, false],
    [undefined, `&iss=${issuer}&iss=${issuer}`, false],
  ]
  test.each(rows)('S6 CL7 advertised %s, %s: %s', async (advertised, iss, good) => {
    const world = createWorld()
    world.metadata['authorization_response_iss_parameter_supported'] = advertised
    const provider = bridge(world)
    const state = await provider.state()
    await provider.redirectToAuthorization(new URL(`${issuer}/authorize?state=${state}`))
    const answer = provider.callback(`${uri}?code=x&state=${state}${iss}`)
    if (good) expect((await answer).get('code')).toBe('x')
    else await expect(answer).rejects.toMatchObject({ code: 'invalid_callback' })
  })

  test('S6 CL8 the SDK was led to another authorization page or token endpoint than the issuer has: refused', async () => {
    const world = createWorld()
    const provider = bridge(world)
    await connect(provider)
    const state = await provider.state()
    for (const page of [`${evil}/authorize`, `${issuer}/other`])
      await expect(provider.redirectToAuthorization(new URL(`${page}?state=${state}`))).rejects.toMatchObject(
        { code: 'issuer_mismatch' },
      )
    expect(provider.authorizationUrl).toBeUndefined()
    const parameters = new URLSearchParams()
    const headers = new Headers()
    for (const url of [`${evil}/token`, new URL(`${issuer}/other`)])
      await expect(provider.addClientAuthentication(headers, parameters, url)).rejects.toMatchObject({
        code: 'issuer_mismatch',
      })
    expect([...headers, ...parameters]).toEqual([])
  })

  test('S6 a server whose metadata differ from one request to the next gets no secret of ours', async () => {
    const world = createWorld()
    const provider = bridge(world)
    await connect(provider)
    addIssuer(world, evil)
    world.on(prmUrl, () => json({ ...world.prm, authorization_servers: [evil] }))
    await expect(
      provider.addClientAuthentication(new Headers(), new URLSearchParams(), `${evil}/token`),
    ).rejects.toMatchObject({ code: 'invalid_client' })
  })
})

describe('S6 CL8 the server names another issuer while the user approves', () => {
  test('S6 the code of one issuer is not exchanged at another, although the client is registered there', async () => {
    const world = createWorld()
    addIssuer(world, evil)
    const provider = bridge(world, { storage: memoryStorage(), clients: [] })
    // While the SDK registers it is the hostile one, whose answer is our client id at the honest one.
    world.prm['authorization_servers'] = [evil]
    await provider.clientInformation()
    await provider.saveClientInformation({ client_id: 'client-at-honest' })
    world.prm['authorization_servers'] = [issuer]
    const state = await provider.state()
    await provider.redirectToAuthorization(
      new URL(`${issuer}/authorize?state=${state}&client_id=client-at-honest`),
    )
    await provider.callback(`${uri}?code=c&state=${state}&iss=${encodeURIComponent(issuer)}`)
    world.prm['authorization_servers'] = [evil]
    await provider.clientInformation()
    const exchange = new URLSearchParams({ grant_type: 'authorization_code', code: 'c' })
    const authenticate = (to: string): Promise<void> =>
      provider.addClientAuthentication(new Headers(), exchange, to)
    await expect(authenticate(`${evil}/token`)).rejects.toMatchObject({ code: 'issuer_mismatch' })
    await expect(authenticate(`${issuer}/token`)).rejects.toMatchObject({ code: 'issuer_mismatch' })
  })
})
