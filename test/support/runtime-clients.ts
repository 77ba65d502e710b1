// Real MCP clients and a user who signs in: what each of them does from nothing until it reads and writes notes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
  UnauthorizedError as UnauthorizedV2,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { browse } from '../../scripts/browser.ts'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { freePort } from './runtime-port.ts'

const info = { name: 'tollgate-tests', version: '1.0.0' }

/** A connected client, whatever its kind. */
export interface Connected {
  tools(): Promise<string[]>
  call(name: string, parameters?: Record<string, unknown>): Promise<string>
  close(): Promise<void>
}

/** SDK v2. The session holds what the client knows; with tokens in it, nobody has to sign in. */
export async function connectV2(
  url: URL,
  session: SdkSession,
  options: { versionNegotiation?: { mode: 'auto' } } = {},
): Promise<Connected & { stepUp(): Promise<void> }> {
  const open = () => new TransportV2(url, { authProvider: session.provider })
  let transport = open()
  let client = new ClientV2(info, options)
  try {
    await client.connect(transport)
  } catch (error) {
    if (!(error instanceof UnauthorizedV2)) throw error
    await transport.finishAuth(await session.signIn())
    transport = open()
    client = new ClientV2(info, options)
    await client.connect(transport)
  }
  return {
    ...connected(client),
    stepUp: async () => transport.finishAuth(await session.signIn()),
  }
}

/** SDK v1. */
export async function connectV1(url: URL, session: SdkSession): Promise<Connected> {
  const open = (): TransportV1 => new TransportV1(url, { authProvider: session.provider as never })
  const transport = open()
  let client = new ClientV1(info)
  try {
    await client.connect(transport as never)
  } catch (error) {
    if (!(error instanceof UnauthorizedV1)) throw error
    await transport.finishAuth((await session.signIn()).get('code')!)
    client = new ClientV1(info)
    await client.connect(open() as never)
  }
  return connected(client as never)
}

/** mcp-remote as a child process: stdio on this side, OAuth and HTTP on the other. */
export async function connectMcpRemote(url: URL): Promise<Connected> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-mcp-remote-'))
  const port = await freePort()
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      join(import.meta.dirname, '../../node_modules/mcp-remote/dist/proxy.js'),
      url.href,
      String(port),
      '--transport',
      'http-only',
    ],
    env: { PATH: process.env['PATH']!, HOME: folder, MCP_REMOTE_CONFIG_DIR: folder, BROWSER: '/bin/true' },
    stderr: 'pipe',
  })
  // It prints the page that it would open, and listens for the redirect.
  const signedIn = new Promise<void>((resolve, reject) => {
    let output = ''
    let seen = false
    transport.stderr!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const [, page] = /visiting:\s+(http\S+)\s/.exec(output) ?? []
      if (page === undefined || seen) return
      seen = true
      browse(page, `http://localhost:${port}/oauth/callback`)
        .then((callback) => fetch(callback))
        .then(() => resolve(), reject)
    })
  })
  const client = new ClientV2(info)
  await Promise.all([client.connect(transport), signedIn])
  const { close, ...rest } = connected(client)
  return {
    ...rest,
    async close() {
      await close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function connected(client: ClientV2): Connected {
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, parameters = {}) {
      const { content } = await client.callTool({ name, arguments: parameters })
      return (content as { text?: string }[]).map(({ text }) => text).join('\n')
    },
    close: () => client.close(),
  }
}

export { sdkSession, UnauthorizedV2 }
