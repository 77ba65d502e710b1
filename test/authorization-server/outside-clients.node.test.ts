// Independent OAuth clients over HTTP: code, refresh, introspection, revocation; and the official SDK with a client document.
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { introspectionSecret, startNode, type NodeServer } from '../support/as-node.ts'
import { connectV2, sdkSession } from '../support/runtime-clients.ts'

const redirectUri = 'http://127.0.0.1:4567/callback'
const secret = 'secret: + %/ü of the confidential one'
const confidential = 'conf: +%ü'
const documentId = 'https://demo-client.example/client.json'
const requested: string[] = []

let server: NodeServer
beforeAll(async () => {
  const client = { redirect_uris: [redirectUri] }
  server = await startNode({
    checkRevocation: 0,
    clients: [
      { ...client, client_id: 'pub', client_name: 'Public' },
      { ...client, client_id: confidential, client_name: 'Confidential', client_secret: secret },
    ],
    clientDocuments: {
      fetch: async (input) => {
        requested.push(String(input))
        return Response.json({ ...client, client_id: documentId, client_name: 'Demo client' })
      },
    },
  })
})
afterAll(() => server?.close())

const guardStatus = async (token: string): Promise<number> =>
  (await fetch(server.resource, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status

describe.each([
  ['pub', undefined],
  [confidential, secret],
] as const)('client %s', (clientId, clientSecret) => {
  test('RV1 IN2 oauth4webapi: code, introspection, refresh, revocation of either token', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const issuer = new URL(server.issuer)
    const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
    const as = await oauth.processDiscoveryResponse(issuer, discovered)
    const client: oauth.Client = { client_id: clientId }
    const authentication = clientSecret === undefined ? oauth.None() : oauth.ClientSecretBasic(clientSecret)
    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const url = new URL(as.authorization_endpoint!)
    for (const [name, value] of Object.entries({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'notes:read',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      resource: server.resource,
      state,
    }))
      url.searchParams.set(name, value)
    const callback = oauth.validateAuthResponse(as, client, await browse(url, redirectUri), state)
    const answer = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authentication,
      callback,
      redirectUri,
      verifier,
      insecure,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer)
    expect(await guardStatus(tokens.access_token)).not.toBe(401)

    const introspected = async (token: string): Promise<oauth.IntrospectionResponse> => {
      const resourceServer: oauth.Client = { client_id: server.resource }
      const asked = oauth.ClientSecretPost(introspectionSecret)
      const response = await oauth.introspectionRequest(as, resourceServer, asked, token, insecure)
      return oauth.processIntrospectionResponse(as, resourceServer, response)
    }
    expect(await introspected(tokens.access_token)).toMatchObject({
      active: true,
      client_id: clientId,
      aud: server.resource,
      scope: 'notes:read',
    })
    const refreshAnswer = await oauth.refreshTokenGrantRequest(
      as,
      client,
      authentication,
      tokens.refresh_token!,
      insecure,
    )
    const next = await oauth.processRefreshTokenResponse(as, client, refreshAnswer)
    const revoke = async (token: string): Promise<void> =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, authentication, token, insecure),
      )
    await revoke(next.access_token)
    expect(await introspected(next.access_token)).toEqual({ active: false })
    expect(await guardStatus(next.access_token)).toBe(401)
    expect(await introspected(tokens.access_token)).toMatchObject({ active: true })
    await revoke(next.refresh_token!)
    expect(await introspected(tokens.access_token)).toEqual({ active: false })
    expect(await guardStatus(tokens.access_token)).toBe(401)
  })

  test('RV1 IN2 openid-client: code, refresh, revocation; introspection by whoever may', async () => {
    const execute = [openid.allowInsecureRequests]
    const authentication = clientSecret === undefined ? openid.None() : openid.ClientSecretPost(clientSecret)
    const config = await openid.discovery(new URL(server.issuer), clientId, undefined, authentication, {
      algorithm: 'oauth2',
      execute,
    })
    const verifier = openid.randomPKCECodeVerifier()
    const state = openid.randomState()
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'notes:read',
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      resource: server.resource,
      state,
    })
    const callback = await browse(url, redirectUri)
    const checks = { pkceCodeVerifier: verifier, expectedState: state }
    const first = await openid.authorizationCodeGrant(config, callback, checks)
    const tokens = await openid.refreshTokenGrant(config, first.refresh_token!)
    expect(await guardStatus(tokens.access_token)).not.toBe(401)

    const asServer = await openid.discovery(
      new URL(server.issuer),
      server.resource,
      undefined,
      openid.ClientSecretBasic(introspectionSecret),
      { algorithm: 'oauth2', execute },
    )
    const active = { active: true, client_id: clientId }
    expect(await openid.tokenIntrospection(asServer, tokens.access_token)).toMatchObject(active)
    if (clientSecret === undefined)
      await expect(openid.tokenIntrospection(config, tokens.access_token)).rejects.toMatchObject({
        status: 401,
        cause: [{ scheme: 'basic' }],
      })
    else expect(await openid.tokenIntrospection(config, tokens.access_token)).toMatchObject(active)
    await openid.tokenRevocation(config, tokens.refresh_token!)
    expect(await openid.tokenIntrospection(asServer, tokens.access_token)).toEqual({ active: false })
    await expect(openid.refreshTokenGrant(config, tokens.refresh_token!)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    expect(await guardStatus(tokens.access_token)).toBe(401)
  })
})

test('CD SDK v2 connects with the URL of its document, and registers nowhere', async () => {
  const session = sdkSession('Demo client', redirectUri)
  const provider = Object.assign(session.provider, { clientMetadataUrl: documentId })
  const client = await connectV2(new URL(server.resource), session)
  expect(await client.call('list_notes')).toBe('There are no notes yet.')
  expect(provider.clientInformation()?.client_id).toBe(documentId)
  expect(requested).toEqual([documentId])
  await client.close()
})
