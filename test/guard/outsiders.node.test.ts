// Two OAuth libraries that know nothing of MCP or of us, used as their documentation says: registration, authorization, token, refresh.
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { startHost, type Host } from '../support/runtime-hosts.ts'

const redirect = 'http://127.0.0.1:4567/callback'
const metadata = {
  client_name: 'An outsider',
  redirect_uris: [redirect],
  application_type: 'native',
  token_endpoint_auth_method: 'none',
}

describe.each(['workerd', 'node'] as const)('%s', (name) => {
  let host: Host
  beforeAll(async () => {
    host = await startHost(name, 'internal')
  })
  afterAll(() => host?.close())

  const reads = async (accessToken: string): Promise<boolean> => {
    const { status } = await fetch(host.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${accessToken}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    })
    return status === 200
  }

  test('oauth4webapi', async () => {
    const options = { [oauth.allowInsecureRequests]: true }
    const issuer = new URL(host.url.origin)
    const resource = await oauth.processResourceDiscoveryResponse(
      host.url,
      await oauth.resourceDiscoveryRequest(host.url, options),
    )
    expect(resource.authorization_servers).toEqual([host.url.origin])
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' }),
    )
    const client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(as, metadata, options),
    )
    expect(client.redirect_uris).toEqual([redirect])

    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const url = new URL(as.authorization_endpoint!)
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: redirect,
      response_type: 'code',
      scope: 'notes:read',
      resource: host.url.href,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).toString()
    const callback = oauth.validateAuthResponse(as, client, await browse(url, redirect), state)
    const also = { ...options, additionalParameters: { resource: host.url.href } }
    const tokens = await oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), callback, redirect, verifier, also),
    )
    expect(tokens.scope).toBe('notes:read')
    expect(await reads(tokens.access_token)).toBe(true)

    const renewed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token!, also),
    )
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token)
    expect(await reads(renewed.access_token)).toBe(true)

    // What an outsider may ask of a JWT access token (RFC 9068).
    const request = new Request(host.url, { headers: { authorization: `Bearer ${renewed.access_token}` } })
    const claims = await oauth.validateJwtAccessToken(as, request, host.url.href, options)
    expect(claims).toMatchObject({ client_id: client.client_id, scope: 'notes:read' })
  })

  test('openid-client', async () => {
    const configuration = await openid.dynamicClientRegistration(
      new URL(host.url.origin),
      metadata,
      openid.None(),
      { execute: [openid.allowInsecureRequests], algorithm: 'oauth2' },
    )
    const verifier = openid.randomPKCECodeVerifier()
    const state = openid.randomState()
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: redirect,
      scope: 'notes:read notes:write',
      resource: host.url.href,
      state,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const tokens = await openid.authorizationCodeGrant(
      configuration,
      await browse(url, redirect),
      { pkceCodeVerifier: verifier, expectedState: state },
      { resource: host.url.href },
    )
    expect(tokens.scope?.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
    expect(await reads(tokens.access_token)).toBe(true)
    const renewed = await openid.refreshTokenGrant(configuration, tokens.refresh_token!, {
      scope: 'notes:read',
    })
    expect(renewed.scope).toBe('notes:read')
    expect(await reads(renewed.access_token)).toBe(true)
    // The same token again, as after a lost answer (design §3): the same successor.
    const again = await openid.refreshTokenGrant(configuration, tokens.refresh_token!)
    expect(again.refresh_token).toBe(renewed.refresh_token)
  })
})
