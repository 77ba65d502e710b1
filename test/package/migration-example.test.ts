// examples/api-key-migration: keys and OAuth side by side, then OAuth only; a key and a token of one user are one user.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterEach, expect, test } from 'vitest'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { root } from '../support/create.ts'
import { freePort } from '../support/runtime-port.ts'

let program: ChildProcess | undefined
afterEach(async () => {
  if (program === undefined || program.exitCode !== null) return
  program.kill()
  await once(program, 'exit')
})

async function start(migration: string): Promise<{ url: URL; key: string }> {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), MIGRATION: migration }
  program = spawn(process.execPath, [join(root, 'examples/api-key-migration/server.ts')], { env })
  let output = ''
  program.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    program!.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('Notes at')) resolve()
    })
    program!.once('exit', () => reject(new Error(output)))
  })
  const [, key] = /for this run: (\S+)/.exec(output)!
  return { url: new URL(`http://127.0.0.1:${port}/mcp`), key: key! }
}

/** A client of today, which has a key. */
const withKey = (url: URL, key: string, seen: Response[] = []): Promise<Client> =>
  connect(url, {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
    fetch: async (input: string | URL, init?: RequestInit) => {
      const response = await fetch(input, init)
      seen.push(response)
      return response
    },
  })

async function connect(url: URL, options: object): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(url, options))
  return client
}

async function signIn(url: URL, key: string): Promise<SdkSession> {
  const session = sdkSession('A client')
  const transport = new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(transport)).rejects.toThrow(
    UnauthorizedError,
  )
  await transport.finishAuth(await session.signIn({ answers: { key } }))
  return session
}

async function call(client: Client, name: string, args: Record<string, string> = {}): Promise<string> {
  const { content } = await client.callTool({ name, arguments: args })
  return (content as unknown as [{ text: string }])[0].text
}

test('step 1: a key works and is told when it ends; after a sign-in with it, the notes are still there', async () => {
  const { url, key } = await start('both')
  const seen: Response[] = []
  const old = await withKey(url, key, seen)
  expect(await call(old, 'write_note', { title: 'Old', text: 'From a key' })).toBe('Wrote "Old".')
  for (const header of ['deprecation', 'sunset', 'link'])
    expect(seen.at(-1)!.headers.get(header)).toBeTruthy()
  await old.close()

  const session = await signIn(url, key)
  expect(session.provider.tokens()!.access_token).not.toContain(key)
  const client = await connect(url, { authProvider: session.provider })
  expect(await call(client, 'read_note', { title: 'Old' })).toBe('From a key')
  await client.close()
  await expect(withKey(url, `${key}x`)).rejects.toThrow()
})

test('step 2: a key as a token is refused, and its owner signs in with it', async () => {
  const { url, key } = await start('oauth')
  const response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${key}` } })
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('resource_metadata=')
  const session = await signIn(url, key)
  const client = await connect(url, { authProvider: session.provider })
  expect(await call(client, 'list_notes')).toBe('There are no notes yet.')
  await client.close()
})
