// Our client through the official SDK's transports, against servers that run as their users start them.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { createClient, pasteRedirect } from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { servers } from '../support/client-servers.ts'
import type { Host } from '../support/runtime-hosts.ts'

const uri = 'http://127.0.0.1:4569/callback'
const info = { name: 'tollgate-tests', version: '1.0.0' }

/** A user who approves, the requests that went out, and a clock to move. */
function setUp() {
  const seen: { url: string; body: string; authorization: string | null }[] = []
  const asked: URL[] = []
  const time = { ahead: 0 }
  const client = createClient({
    clock: () => Date.now() / 1000 + time.ahead,
    fetch: async (input, init) => {
      const authorization = new Headers(init?.headers).get('authorization')
      seen.push({ url: String(input), body: String(init?.body ?? ''), authorization })
      return fetch(input, init)
    },
    redirect: pasteRedirect({
      uri,
      ask: async (url) => {
        asked.push(url)
        return (await browse(url, uri)).href
      },
    }),
  })
  const tokenRequests = (): string[] =>
    seen.map(({ body }) => new URLSearchParams(body).get('grant_type')!).filter(Boolean)
  return { client, asked, time, tokenRequests, seen }
}

const listing = {
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
}

describe.each(servers)('$name', ({ start, ends, atOnce }) => {
  /** How often the user is asked until everything is allowed. */
  const times = atOnce ? 1 : 2
  let host: Host
  beforeAll(async () => {
    host = await start()
  })
  afterAll(() => host?.close())

  test('connect with SDK v2, call, step up, refresh once for 50, sign out', async () => {
    const { client, asked, time, tokenRequests, seen } = setUp()
    const mcp = new ClientV2(info)
    await mcp.connect(new TransportV2(host.url, { fetch: client.fetch }))
    const { tools } = await mcp.listTools()
    expect(tools.map((tool) => tool.name)).toContain('write_note')
    expect(asked).toHaveLength(1)

    const written = await mcp.callTool({
      name: 'write_note',
      arguments: { title: 'ours', text: 'by our client' },
    })
    expect(written.isError ?? false).toBe(false)
    expect(asked).toHaveLength(times)
    expect(asked.at(-1)!.searchParams.get('scope')).toContain('notes:write')
    await mcp.close()

    time.ahead = 3600
    const responses = await Promise.all(Array.from({ length: 50 }, () => client.fetch(host.url, listing)))
    expect([...new Set(responses.map(({ status }) => status))]).toEqual([200])
    for (const response of responses) await response.body?.cancel()
    expect(tokenRequests()).toEqual([...asked.map(() => 'authorization_code'), 'refresh_token'])

    const token = seen.findLast(({ authorization }) => authorization !== null)!.authorization!
    await client.signOut(host.url)
    expect(seen.filter(({ body }) => body.includes('token_type_hint'))).toHaveLength(2)
    const again = await fetch(host.url, { ...listing, headers: { ...listing.headers, authorization: token } })
    await again.body?.cancel()
    expect(again.status).toBe(ends ? 401 : 200)
    await (await client.fetch(host.url, listing)).body?.cancel()
    expect(asked).toHaveLength(times + 1)
  })

  test('SDK v1 on client.fetch: connect, call, step up', async () => {
    const { client, asked } = setUp()
    const mcp = new ClientV1(info)
    await mcp.connect(new TransportV1(host.url, { fetch: client.fetch }) as never)
    const read = await mcp.callTool({ name: 'list_notes', arguments: {} })
    expect(read.isError ?? false).toBe(false)
    expect(asked).toHaveLength(1)
    const note = { name: 'write_note', arguments: { title: 'v1', text: 'by our client' } }
    expect((await mcp.callTool(note)).isError ?? false).toBe(false)
    expect(asked).toHaveLength(times)
    await mcp.close()
  })

  test('the bridge: the SDK drives, v1 and v2, and our storage keeps what it learns', async () => {
    const { client, asked } = setUp()
    const provider = toOAuthClientProvider(client, host.url)
    const transport = new TransportV2(host.url, { authProvider: provider })
    await expect(new ClientV2(info).connect(transport)).rejects.toThrow()
    await transport.finishAuth(await provider.callback())
    const mcp = new ClientV2(info)
    await mcp.connect(new TransportV2(host.url, { authProvider: toOAuthClientProvider(client, host.url) }))
    expect((await mcp.listTools()).tools.length).toBeGreaterThan(0)
    expect(asked).toHaveLength(1)
    await mcp.close()

    const old = setUp()
    const oldProvider = toOAuthClientProvider(old.client, host.url)
    const first = new TransportV1(host.url, { authProvider: oldProvider as never })
    await expect(new ClientV1(info).connect(first as never)).rejects.toThrow()
    await first.finishAuth((await oldProvider.callback()).get('code')!)
    const v1 = new ClientV1(info)
    await v1.connect(new TransportV1(host.url, { authProvider: oldProvider as never }) as never)
    expect((await v1.listTools()).tools.length).toBeGreaterThan(0)
    await v1.close()
    await expect(oldProvider.callback(`${uri}?code=x&state=forged`)).rejects.toMatchObject({
      code: 'invalid_callback',
    })
  })
})
