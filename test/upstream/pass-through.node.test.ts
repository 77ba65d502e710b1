// The official SDK's clients, v1 and v2, through a provider that has neither registration nor S256 in its metadata.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memory, needs, notes } from '../../examples/common/notes.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { createResourceServer } from '../../src/index.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { passThrough } from '../../src/upstream/pass-through/pass-through.ts'
import { prefix, publicClient, PublicProvider, serverApp } from '../support/public-provider.ts'
import { connectMcpRemote, connectV1, connectV2, sdkSession } from '../support/runtime-clients.ts'

const redirectUris = ['http://127.0.0.1/callback', 'http://localhost/oauth/callback']
const servers: Server[] = []
let provider: PublicProvider
let url: URL

async function listen(): Promise<{ server: Server; origin: string }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

beforeAll(async () => {
  const there = await listen()
  const clock = (): number => Math.floor(Date.now() / 1000)
  provider = new PublicProvider({ origin: there.origin, clock, redirectUris })
  there.server.on(
    'request',
    toNodeHandler((request) => provider.answer(request)),
  )
  const here = await listen()
  url = new URL(`${here.origin}/mcp`)
  const preset = oidc({ issuer: provider.issuer, audience: serverApp, typ: 'jwt', clientId: publicClient })
  const as = passThrough(
    {
      ...preset,
      client: { resource: 'omit', assumeS256: true, omitPrompt: true },
      passThrough: { scopePrefix: prefix },
      signIn: { name: 'IdP', protocol: 'oidc', offlineScope: 'offline_access', prompts: ['select_account'] },
    },
    { resource: url.href, redirectUris, scopes: ['notes:read', 'notes:write'] },
  )
  const rs = createResourceServer({
    resource: url.href,
    authorizationServers: [as],
    requiredScopes: ['notes:read'],
  })
  const guarded = rs.protect(notes(memory()), { operations: operationScopes(needs, { default: 'deny' }) })
  here.server.on(
    'request',
    toNodeHandler(async (request) => (await as.handle(request)) ?? guarded(request)),
  )
})
afterAll(() => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
})

test.each([
  ['v1', connectV1],
  ['v2', connectV2],
] as const)('CN15 pass-through: SDK %s registers, connects, calls and refreshes', async (_, connect) => {
  const session = sdkSession('SDK', 'http://127.0.0.1:4567/callback')
  const client = await connect(url, session)
  expect(await client.call('list_notes')).toBe('There are no notes yet.')
  await client.close()
  expect(session.provider.clientInformation()).toMatchObject({ client_id: publicClient })
  expect(session.provider.clientInformation()).not.toHaveProperty('client_secret')
  // An access token that the guard refuses: the client refreshes by itself.
  const tokens = session.provider.tokens()!
  session.provider.saveTokens({ ...tokens, access_token: 'expired' })
  const again = await connect(url, session)
  expect(await again.call('list_notes')).toBe('There are no notes yet.')
  await again.close()
  expect(provider.requests('/token').at(-1)!.form.get('grant_type')).toBe('refresh_token')
  expect(provider.requests('/token').filter(({ form }) => form.has('resource'))).toEqual([])
})

test('CN15 pass-through: mcp-remote connects', async () => {
  const client = await connectMcpRemote(url, 'demo')
  expect(await client.call('list_notes')).toBe('There are no notes yet.')
  await client.close()
})
