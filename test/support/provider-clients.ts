// Real MCP clients against a notes server behind an authorization server that is not ours: connect, read, write, refresh, reconnect.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { freePort } from '../adapter/suite.ts'
import { introspector, type Wiring } from './provider-wiring.ts'

/** `start` serves the notes server at this path: tools `whoami` and `add`, behind the guard. */
export function clientSuite(
  host: string,
  start: (wiring: Wiring) => Promise<{ close(): Promise<void> | void }>,
  path = '/mcp',
): void {
  describe.each(['jwt', 'opaque'] as const)(`${host}, oidc-provider with %s access tokens`, (kind) => {
    const ending: (() => Promise<void> | void)[] = []
    let url: URL

    beforeAll(async () => {
      url = await launch(kind, path, start, ending)
    })
    afterAll(async () => {
      for (const end of ending.splice(0).reverse()) await end()
    })

    test('the official SDK client v1', () => sdk(url, v1))
    test('the official SDK client v2', () => sdk(url, v2))
    test('the official SDK client v2, on the revision 2026-07-28', () => sdk(url, v2Modern))
    test('mcp-remote', () => mcpRemote(url))
  })
}

/** A token that is too narrow for a tool: the v2 client asks for more, and goes on. */
export function stepUpTest(
  host: string,
  start: (wiring: Wiring) => Promise<{ close(): Promise<void> | void }>,
  path = '/mcp',
): void {
  test(`${host}: the official SDK client v2 steps up`, async () => {
    const ending: (() => Promise<void> | void)[] = []
    try {
      const url = await launch('jwt', path, start, ending)
      const session = sdkSession('test')
      session.provider.saveClientInformation(await register(url, session))
      const first = v2(url, session)
      await expect(first.client.connect(real(first.transport))).rejects.toThrow(/unauthorized/i)
      await first.transport.finishAuth(await session.signIn({ answers: { login: 'alice' } }))
      expect(session.provider.tokens()!.scope).toBe('notes:read')

      const { client, transport } = v2(url, session)
      await client.connect(real(transport))
      expect(await call(client, 'whoami')).toBe('alice')
      await expect(call(client, 'add')).rejects.toThrow(/unauthorized/i)
      await transport.finishAuth(await session.signIn({ answers: { login: 'alice' } }))
      expect(await call(client, 'add')).toBe('added')
      expect(session.provider.tokens()!.scope!.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
      await client.close()
    } finally {
      for (const end of ending.reverse()) await end()
    }
  })
}

/** By hand and without scopes: the SDK registers for those of the first challenge alone, and oidc-provider holds a client to that. */
async function register({ origin, pathname }: URL, { provider }: SdkSession): Promise<{ client_id: string }> {
  const metadata = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)
  const { authorization_servers } = (await metadata.json()) as { authorization_servers: string[] }
  const response = await fetch(`${authorization_servers[0]}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(provider.clientMetadata),
  })
  return { ...((await response.json()) as { client_id: string }), issuer: authorization_servers[0] } as {
    client_id: string
  }
}

/** The authorization server, then the host. */
async function launch(
  kind: Wiring['kind'],
  path: string,
  start: (wiring: Wiring) => Promise<{ close(): Promise<void> | void }>,
  ending: (() => Promise<void> | void)[],
): Promise<URL> {
  const origin = `http://127.0.0.1:${await freePort()}`
  const url = new URL(origin + path)
  const provider = await startOidcProvider({
    scopes: ['notes:read', 'notes:write'],
    resources: { [url.href]: kind },
    ...(kind === 'opaque' ? { introspector } : {}),
  })
  ending.push(provider.close)
  const app = await start({ url: origin, issuer: provider.issuer, kind })
  ending.push(() => app.close())
  return url
}

type AnyClient = Pick<ClientV2, 'callTool' | 'close' | 'connect'>
type AnyTransport = { finishAuth(parameters: URLSearchParams): Promise<void> }
type Make = (url: URL, session: SdkSession) => { client: AnyClient; transport: AnyTransport }

const info = { name: 'test', version: '1.0.0' }

const v1: Make = (url, { provider }) => {
  const transport = new TransportV1(url, { authProvider: provider as never })
  const finishAuth = (parameters: URLSearchParams): Promise<void> =>
    transport.finishAuth(parameters.get('code')!)
  return {
    client: new ClientV1(info) as unknown as AnyClient,
    transport: Object.assign(Object.create(transport) as typeof transport, { finishAuth, real: transport }),
  }
}
const v2: Make = (url, { provider }) => ({
  client: new ClientV2(info),
  transport: new TransportV2(url, { authProvider: provider }),
})
const v2Modern: Make = (url, { provider }) => ({
  client: new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
  transport: new TransportV2(url, { authProvider: provider }),
})

const call = async (client: AnyClient, name: string): Promise<string> => {
  const { content } = (await client.callTool({ name, arguments: {} })) as { content: { text: string }[] }
  return content[0]!.text
}

async function sdk(url: URL, make: Make): Promise<void> {
  const session = sdkSession('test')
  const first = make(url, session)
  await expect(first.client.connect(real(first.transport))).rejects.toThrow(/unauthorized/i)
  await first.transport.finishAuth(await session.signIn({ answers: { login: 'alice' } }))

  const { client, transport } = make(url, session)
  await client.connect(real(transport))
  expect(await call(client, 'whoami')).toBe('alice')
  expect(await call(client, 'add')).toBe('added')

  // A token that the server no longer takes: the client refreshes without its user.
  const before = session.provider.tokens()!
  session.provider.saveTokens({ ...before, access_token: 'stale' })
  expect(await call(client, 'whoami')).toBe('alice')
  expect(session.provider.tokens()!.access_token).not.toMatch(new RegExp(`^(stale|${before.access_token})$`))
  await client.close()

  const again = make(url, session)
  await again.client.connect(real(again.transport))
  expect(await call(again.client, 'whoami')).toBe('alice')
  await again.client.close()
}

const real = (transport: AnyTransport): never =>
  ((transport as { real?: unknown }).real ?? transport) as never

async function mcpRemote(url: URL): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-remote-'))
  const port = await freePort()
  const proxy = join(import.meta.dirname, '../../node_modules/mcp-remote/dist/proxy.js')
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [proxy, url.href, String(port), '--transport', 'http-only'],
    env: {
      ...process.env,
      MCP_REMOTE_CONFIG_DIR: folder,
      BROWSER: '/bin/true',
      PATH: process.env['PATH'] ?? '',
    },
    stderr: 'pipe',
  })
  try {
    // It prints the page that it would open; this test is the browser, and follows the redirect into its listener.
    const redirect = `http://localhost:${port}/oauth/callback`
    let output = ''
    const signedIn = new Promise<void>((resolve, reject) => {
      transport.stderr!.on('data', (chunk) => {
        output += chunk
        const [page] = /http:\/\/127\.0\.0\.1:\d+\/auth\?\S+/.exec(output) ?? []
        if (page === undefined || !output.includes(`${page}\n`)) return
        transport.stderr!.removeAllListeners('data')
        ;(transport.stderr as Readable).resume()
        browse(page, redirect, { answers: { login: 'alice' } })
          .then((callback) => fetch(callback))
          .then(() => resolve(), reject)
      })
    })
    const client = new ClientV1(info)
    await Promise.all([client.connect(transport), signedIn])
    expect(await call(client as unknown as AnyClient, 'whoami')).toBe('alice')
    expect(await call(client as unknown as AnyClient, 'add')).toBe('added')
    await client.close()
  } finally {
    await transport.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
