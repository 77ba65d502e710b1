// The tenants example, as its user starts it.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectV2, sdkSession } from '../support/runtime-clients.ts'
import { freePort } from '../support/runtime-port.ts'

let child: ChildProcess
let origin: string

beforeAll(async () => {
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  child = spawn(process.execPath, ['examples/tenants/server.ts'], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, PORT: String(port), TENANTS: 'acme,globex' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    let output = ''
    const heard = (chunk: Buffer): void => {
      output += chunk.toString()
      if (output.includes('/t/globex/mcp')) resolve()
    }
    child.stdout!.on('data', heard)
    child.stderr!.on('data', heard)
    child.once('close', () => reject(new Error(`it ended before it was ready:\n${output}`)))
  })
})
afterAll(() => child?.kill('SIGTERM'))

test('ST6 the official SDK connects to each tenant; a token of one is worth nothing at the other', async () => {
  const tokens: string[] = []
  for (const tenant of ['acme', 'globex']) {
    const session = sdkSession(`SDK at ${tenant}`)
    const client = await connectV2(new URL(`${origin}/t/${tenant}/mcp`), session)
    expect(await client.call('list_notes')).toBe('There are no notes yet.')
    await client.close()
    tokens.push(session.provider.tokens()!.access_token)
  }
  const call = async (tenant: string, token: string): Promise<Response> =>
    fetch(`${origin}/t/${tenant}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
  expect((await call('acme', tokens[0]!)).status).not.toBe(401)
  const foreign = await call('globex', tokens[0]!)
  expect(foreign.status).toBe(401)
  expect(foreign.headers.get('www-authenticate')).toContain(
    `resource_metadata="${origin}/.well-known/oauth-protected-resource/t/globex/mcp"`,
  )
})

test('MD1 metadata at the inserted places; nothing for an unknown tenant, and nothing at the root', async () => {
  const status = async (path: string): Promise<number> => (await fetch(`${origin}${path}`)).status
  expect(await status('/.well-known/oauth-authorization-server/t/acme')).toBe(200)
  expect(await status('/.well-known/oauth-authorization-server/t/nobody')).toBe(404)
  expect(await status('/t/nobody/mcp')).toBe(404)
  expect(await status('/.well-known/oauth-authorization-server')).toBe(404)
  expect(await status('/mcp')).toBe(404)
})
