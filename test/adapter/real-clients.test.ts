// Real clients against the examples as their users start them: each host, each kind of token, each client.
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectMcpRemote, connectV1, connectV2, sdkSession } from '../support/runtime-clients.ts'
import { startHost, type Host, type HostName, type Issuer } from '../support/runtime-hosts.ts'

// Processes start slowly on a busy machine, and Next is built first.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 300_000 })

const hosts: HostName[] = ['workerd', 'node', 'express', 'hono', 'next', 'deno', 'bun']
const issuers: [Issuer, string][] = [
  ['internal', 'its own authorization server'],
  ['jwt', 'oidc-provider with JWTs'],
  ['opaque', 'oidc-provider with opaque tokens'],
]
const tools = ['list_notes', 'read_note', 'write_note']
const none = 'There are no notes yet.'

describe.each(hosts.flatMap((host) => issuers.map(([issuer, title]) => [host, title, issuer] as const)))(
  '%s, %s',
  (name, _title, issuer) => {
    let host: Host
    beforeAll(async () => {
      host = await startHost(name, issuer)
    })
    afterAll(() => host?.close())

    test('SDK v1 discovers, registers, signs in, reads, is refused, steps up, writes', async () => {
      const session = sdkSession('SDK v1', undefined, 'v1')
      const client = await connectV1(host.url, session)
      expect((await client.tools()).sort()).toEqual(tools)
      expect(await client.call('list_notes')).toBe(none)
      const note = { title: 'One', text: 'Written by v1' }
      // It refreshes first, which brings the same scopes, and gives up after that; without a refresh token it
      // asks its user.
      await expect(client.call('write_note', note)).rejects.toThrow('after trying upscoping')
      expect(session.provider.tokens()?.scope).toBe('notes:read')
      session.provider.saveTokens({ ...session.provider.tokens()!, refresh_token: undefined })
      expect(await client.call('list_notes')).toBe(none)
      await expect(client.call('write_note', note)).rejects.toThrow('Unauthorized')
      await client.stepUp()
      expect(session.provider.tokens()?.scope?.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
      expect(await client.call('write_note', note)).toBe('Wrote "One".')
      expect(await client.call('read_note', note)).toBe('Written by v1')
      await client.close()
    })

    if (issuer === 'internal')
      test('U3 SDK v1, whose user agrees to all that the first challenge asks for, never has to step up', async () => {
        const session = sdkSession('SDK v1, all at once', undefined, 'v1-all')
        const client = await connectV1(host.url, session, ['notes:read', 'notes:write'])
        expect(session.provider.tokens()?.scope?.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
        const note = { title: 'All', text: 'Written at once' }
        expect(await client.call('write_note', note)).toBe('Wrote "All".')
        await client.close()
      })

    test('SDK v2 discovers, registers, signs in, reads, is refused, steps up, writes', async () => {
      const session = sdkSession('SDK v2', undefined, 'v2')
      const client = await connectV2(host.url, session)
      expect((await client.tools()).sort()).toEqual(tools)
      const { access_token, scope } = session.provider.tokens()!
      expect([scope, access_token.split('.').length]).toEqual(['notes:read', issuer === 'opaque' ? 1 : 3])
      expect(await client.call('list_notes')).toBe(none)
      const note = { title: 'Two', text: 'Written by v2' }
      await expect(client.call('write_note', note)).rejects.toThrow('Unauthorized')
      await client.stepUp()
      expect(session.provider.tokens()?.scope?.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
      expect(await client.call('write_note', note)).toBe('Wrote "Two".')
      expect(await client.call('read_note', note)).toBe('Written by v2')
      await client.close()
    })

    test('SDK v2 in the newest revision that both speak; a token that has died is refreshed without the user', async () => {
      const session = sdkSession('SDK v2, negotiating', undefined, 'v2-negotiating')
      const first = await connectV2(host.url, session, { versionNegotiation: { mode: 'auto' } })
      expect((await first.tools()).sort()).toEqual(tools)
      await first.close()
      const tokens = session.provider.tokens()!
      expect(tokens.refresh_token).toBeTypeOf('string')
      session.provider.saveTokens({ ...tokens, access_token: `${tokens.access_token.slice(0, -4)}dead` })
      const again = await connectV2(host.url, session)
      expect((await again.tools()).sort()).toEqual(tools)
      expect(session.provider.tokens()?.access_token).not.toContain('dead')
      await again.close()
    })

    test('mcp-remote connects and reads', async () => {
      const client = await connectMcpRemote(host.url, 'mcp-remote')
      expect((await client.tools()).sort()).toEqual(tools)
      expect(await client.call('list_notes')).toBe(none)
      await client.close()
    })

    test('G5 two Authorization headers are refused: also where the host would drop the second', async () => {
      const request = httpRequest(host.url, { method: 'POST' })
      request.setHeader('authorization', ['Bearer one', 'Bearer two'])
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      expect(response.statusCode).toBe(400)
      expect(response.headers['www-authenticate']).toContain('error="invalid_request"')
    })

    if (name === 'next' && issuer === 'internal')
      test('its issuer has a path, and metadata at all three places', async () => {
        const { origin } = host.url
        for (const path of [
          '/.well-known/oauth-authorization-server/oauth',
          '/.well-known/openid-configuration/oauth',
          '/oauth/.well-known/openid-configuration',
        ]) {
          const response = await fetch(origin + path)
          expect([path, response.status]).toEqual([path, 200])
          // Next’s own idea of the host stands nowhere.
          expect(await response.json()).toMatchObject({
            issuer: `${origin}/oauth`,
            token_endpoint: `${origin}/oauth/token`,
          })
        }
      })
  },
)
