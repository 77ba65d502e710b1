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

/** A client of the SDK: where a call was refused, its user signs in once more. */
export interface ConnectedSdk extends Connected {
  stepUp(): Promise<void>
}

/** SDK v2. The session holds what the client knows; with tokens in it, nobody has to sign in. */
export function connectV2(
  url: URL,
  session: SdkSession,
  options: { versionNegotiation?: { mode: 'auto' } } = {},
): Promise<ConnectedSdk> {
  return connectSdk(session, () => {
    const transport = new TransportV2(url, { authProvider: session.provider })
    const client = new ClientV2(info, options)
    return {
      client,
      connect: () => client.connect(transport),
      finish: (answer) => transport.finishAuth(answer),
    }
  })
}

/** SDK v1. */
export function connectV1(url: URL, session: SdkSession, scopes?: readonly string[]): Promise<ConnectedSdk> {
  const open = (): Opened => {
    const transport = new TransportV1(url, { authProvider: session.provider as never })
    const client = new ClientV1(info)
    return {
      client: client as never,
      connect: () => client.connect(transport as never),
      finish: (answer) => transport.finishAuth(answer.get('code')!),
    }
  }
  return connectSdk(session, open, scopes)
}

interface Opened {
  client: ClientV2
  connect(): Promise<void>
  finish(answer: URLSearchParams): Promise<void>
}

/** The user agrees to `scopes` only, where the page lets him choose; a step-up is agreed to whole. */
async function connectSdk(
  session: SdkSession,
  open: () => Opened,
  scopes: readonly string[] = ['notes:read'],
): Promise<ConnectedSdk> {
  let opened = open()
  try {
    await opened.connect()
  } catch (error) {
    if (!(error instanceof UnauthorizedV1 || error instanceof UnauthorizedV2)) throw error
    await opened.finish(await session.signIn({ scopes }))
    opened = open()
    await opened.connect()
  }
  const { client, finish } = opened
  return { ...connected(client), stepUp: async () => finish(await session.signIn()) }
}

/** mcp-remote as a child process: stdio on this side, OAuth and HTTP on the other. */
export async function connectMcpRemote(
  url: URL,
  name: string,
  scopes?: readonly string[],
): Promise<Connected & { readonly asked: readonly string[] }> {
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
  const asked: string[] = []
  const signedIn = new Promise<void>((resolve, reject) => {
    let output = ''
    transport.stderr!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const pages = [...output.matchAll(/visiting:\s+(http\S+)\s/g)].map(([, page]) => page!)
      for (const page of pages.slice(asked.length)) {
        // The first time the user agrees to these scopes only.
        const first = asked.length === 0 && scopes !== undefined
        asked.push(new URL(page).searchParams.get('scope') ?? '')
        browse(page, `http://localhost:${port}/oauth/callback`, { name, ...(first ? { scopes } : {}) })
          .then(arrive)
          .then(() => resolve(), reject)
      }
    })
  })
  const client = new ClientV2(info)
  await Promise.all([client.connect(transport), signedIn])
  const { close, ...rest } = connected(client)
  return {
    ...rest,
    asked,
    async close() {
      await close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Opens the callback. In a step-up mcp-remote listens only after it has shown the page, and a script is faster than a person. */
async function arrive(callback: URL): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await (await fetch(callback)).text()
      return
    } catch (error) {
      if (tries === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
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

export { sdkSession }
