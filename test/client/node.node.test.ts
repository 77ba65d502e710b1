import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fileStorage, loopbackRedirect, nodeFetch, openUrl } from '../../src/adapter/node.ts'
import { createClient } from '../../src/client/index.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createWorld, issuer, json, resource } from '../support/client-world.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-client-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const script = join(import.meta.dirname, '../support/client-process.ts')
function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', script, folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

test('fileStorage: 0600 in 0700, replaced at once, nothing left over', async () => {
  chmodSync(folder, 0o755)
  const storage = fileStorage({ folder })
  await storage.set('a:tokens', 'one')
  await Promise.all(Array.from({ length: 20 }, (_, i) => storage.set('a:tokens', `value ${i}`)))
  expect(await storage.get('a:tokens')).toMatch(/^value \d+$/)
  expect(await storage.get('A:tokens')).toBeUndefined()
  const files = readdirSync(folder)
  expect(files).toHaveLength(1)
  expect(statSync(join(folder, files[0]!)).mode & 0o777).toBe(0o600)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  await storage.delete('a:tokens')
  expect(await storage.get('a:tokens')).toBeUndefined()
})

test('fileStorage: four processes take turns', async () => {
  const processes = Array.from({ length: 4 }, () => start('-', 'count'))
  const codes = await Promise.all(processes.map(async (child) => (await once(child, 'exit'))[0] as number))
  expect(codes).toEqual([0, 0, 0, 0])
  expect(await fileStorage({ folder }).get('counter')).toBe('100')
  expect(readdirSync(folder)).toHaveLength(1)
})

/** The world of the shared tests behind a real socket. */
async function serveWorld(): Promise<{
  world: ReturnType<typeof createWorld>
  url: string
  close: () => void
}> {
  const world = createWorld()
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    // The first segment is the host; the well-known URL of an issuer with a path has it last (RFC 8414 §3.1).
    const [, host, rest] = /^(?:\/\.well-known\/[\w-]+)?\/([\w.-]+)(.*)$/.exec(incoming.url!)!
    const wellKnown = /^\/\.well-known\/[\w-]+/.exec(incoming.url!)?.[0] ?? ''
    const target = `https://${host}${wellKnown}`
    const path = rest
    const response = await world.fetch(`${target}${path}`, {
      method: incoming.method!,
      headers: incoming.headers as Record<string, string>,
      redirect: 'manual',
      ...(body === '' ? {} : { body }),
    })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    world,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  }
}

/** A folder with a registration and tokens that have ended; the key of the tokens. */
async function prepare(mcp: string, as: string): Promise<string> {
  const storage = fileStorage({ folder })
  const { recordKeys } = await import('../../src/client/record-keys.ts')
  const { registrationRecord, saveRecord, serverRecord, tokenRecord } =
    await import('../../src/client/records.ts')
  const metadata = { issuer: as, token_endpoint: `${as}/token` }
  const redirectUri = 'http://127.0.0.1:1/callback'
  const refreshToken = 'refresh-0'
  const tokens = { accessToken: 'old', type: 'bearer' as const, expiresAt: 1, renewAt: 1, refreshToken }
  const tokenKey = await recordKeys.tokens(as, mcp, '')
  const server = { issuer: as, metadata, resource: mcp }
  const registration = { issuer: as, clientId: 'c', method: 'none', redirectUri }
  await saveRecord({ storage }, serverRecord, await recordKeys.server(mcp), server)
  await saveRecord({ storage }, registrationRecord, await recordKeys.registration(as), registration)
  await saveRecord({ storage }, tokenRecord, tokenKey, { issuer: as, clientId: 'c', ...tokens })
  return tokenKey
}

test('CL14 four processes with an expired token, and one killed while it holds the lock: one refresh', async () => {
  const { world, url, close } = await serveWorld()
  try {
    const mcp = `${url}/mcp.test/mcp`
    const as = `${url}/as.test`
    world.prm = { resource: mcp, authorization_servers: [as] }
    const at = await prepare(mcp, as)
    world.refreshTokens.set('refresh-0', { scope: 'read', resource: mcp, clientId: 'c' })
    const holder = start(mcp, 'die', at)
    await once(holder.stdout!, 'data')
    const callers = Array.from({ length: 4 }, () => start(mcp, 'call'))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    holder.kill('SIGKILL')
    await Promise.all(callers.map((child) => once(child, 'exit')))
    expect(readFileSync(join(folder, 'outcomes'), 'utf8')).toBe('200\n'.repeat(4))
    expect(world.forms(`${issuer}/token`).map((form) => form['grant_type'])).toEqual(['refresh_token'])
  } finally {
    close()
  }
})

test('CL14 one of four processes is killed in the middle of its refresh: the next one refreshes, once for all', async () => {
  const { world, url, close } = await serveWorld()
  try {
    const mcp = `${url}/mcp.test/mcp`
    const as = `${url}/as.test`
    world.prm = { resource: mcp, authorization_servers: [as] }
    await prepare(mcp, as)
    const token = `${issuer}/token`
    let asked!: () => void
    const first = new Promise<void>((resolve) => (asked = resolve))
    world.on(token, async () => {
      if (world.to(token).length === 1) {
        asked()
        await new Promise(() => undefined)
      }
      world.tokens.set('new', { scope: 'read', resource: mcp, clientId: 'c' })
      return json({ access_token: 'new', token_type: 'bearer', expires_in: 900, refresh_token: 'refresh-1' })
    })
    const callers = Array.from({ length: 4 }, () => start(mcp, 'call'))
    await first
    const [lock] = readdirSync(folder).filter((name) => name.endsWith('.lock'))
    const { pid } = JSON.parse(readFileSync(join(folder, lock!), 'utf8')) as { pid: number }
    expect(callers.map((child) => child.pid)).toContain(pid)
    process.kill(pid, 'SIGKILL')
    await Promise.all(callers.map((child) => once(child, 'exit')))
    expect(readFileSync(join(folder, 'outcomes'), 'utf8')).toBe('200\n'.repeat(3))
    expect(world.forms(token).map((form) => form['refresh_token'])).toEqual(['refresh-0', 'refresh-0'])
    expect(readdirSync(folder).filter((name) => name.includes('.lock'))).toEqual([])
  } finally {
    close()
  }
})

test('U10 four processes start without tokens: one page and one registration; if its process is killed, one of the others asks', async () => {
  const { world, url, close } = await serveWorld()
  try {
    const mcp = `${url}/mcp.test/mcp`
    const as = `${url}/as.test`
    world.prm = { resource: mcp, authorization_servers: [as] }
    world.metadata = JSON.parse(
      JSON.stringify(world.metadata).replaceAll(issuer, as),
    ) as typeof world.metadata
    world.metadata['authorization_response_iss_parameter_supported'] = false
    world.challengeUrl = `${url}/mcp.test/.well-known/oauth-protected-resource/mcp`
    const asked: ChildProcess[] = []
    const callers = Array.from({ length: 4 }, () => start(mcp, 'sign-in'))
    for (const caller of callers) caller.stdout!.on('data', () => asked.push(caller))
    const pages = (count: number): Promise<void> =>
      vi.waitFor(() => expect(asked).toHaveLength(count), { timeout: 20_000, interval: 50 })
    await pages(1)
    // Time for the others to ask, too, if they did not wait.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(asked).toHaveLength(1)
    asked[0]!.kill('SIGKILL')
    await pages(2)
    writeFileSync(join(folder, 'approved'), '')
    const others = callers.filter((caller) => caller !== asked[0])
    await Promise.all(others.map((caller) => caller.exitCode ?? once(caller, 'exit')))
    expect(readFileSync(join(folder, 'outcomes'), 'utf8')).toBe('200\n'.repeat(3))
    expect(asked).toHaveLength(2)
    // The killed one registered, and the next one has another port.
    expect(world.to(`${issuer}/register`).length).toBeLessThanOrEqual(2)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
    expect(readdirSync(folder).filter((name) => name.includes('.lock'))).toEqual([])
  } finally {
    close()
  }
}, 30_000)

/** A GET with any Host. */
function get(url: URL, host = url.host, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: url.port, path: url.pathname + url.search, method, headers: { host } },
      async (incoming) => {
        let body = ''
        for await (const chunk of incoming) body += String(chunk)
        resolve({ status: incoming.statusCode!, body })
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}

test('T4 nodeFetch: a host on the web reads nothing from its own machine', async () => {
  let asked = 0
  const admin = createServer((_, outgoing) => {
    asked++
    outgoing.end('{"secret":"inside"}')
  })
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = admin.address() as AddressInfo
    const client = createClient({ redirect: 'https://app.example.com/callback', fetch: nodeFetch })
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0']) {
      const url = `http://${host}:${port}/_admin`
      await expect(client.fetch(url)).rejects.toMatchObject({ code: 'invalid_request' })
      await expect(client.authorize(url)).rejects.toMatchObject({ code: 'invalid_request' })
    }
    expect(asked).toBe(0)
  } finally {
    admin.closeAllConnections()
    admin.close()
  }
})

test('T2 loopback: a redirect URI for each issuer that sends no iss, and no other path answers', async () => {
  for (const path of ['/callback', '/']) {
    const redirect = loopbackRedirect({ open: () => undefined, path })
    const answer = async (): Promise<Response> => new Response('here')
    const own = await redirect.listen(answer, { preferred: undefined, segment: 'abcdefghijklmnop' })
    try {
      const { pathname, port } = new URL(own.uri)
      expect(pathname).toBe(`${path === '/' ? '' : path}/abcdefghijklmnop`)
      expect((await get(new URL(own.uri))).status).toBe(200)
      for (const other of [path, `${pathname}/`, '/abcdefghijklmnoq'])
        expect((await get(new URL(`http://127.0.0.1:${port}${other}`))).status).toBe(404)
    } finally {
      await own.close()
    }
    // The port of the last registration, where it was this path.
    const again = await redirect.listen(answer, { preferred: own.uri, segment: 'abcdefghijklmnop' })
    await again.close()
    expect(again.uri).toBe(own.uri)
  }
})

test('CL16 loopback: 127.0.0.1, exact path and Host, GET; garbage does not end it, the answer does', async () => {
  const world = createWorld()
  const seen: number[] = []
  let callback: URL | undefined
  const redirect = loopbackRedirect({
    open: async (url) => {
      const response = await world.fetch(url, { redirect: 'manual' })
      callback = new URL(response.headers.get('location')!)
      const elsewhere = new URL(callback)
      elsewhere.pathname = '/callback/x'
      const forged = new URL(callback)
      forged.searchParams.set('state', 'forged')
      seen.push((await get(callback, 'evil.test')).status)
      seen.push((await get(callback, `localhost:${callback.port}`)).status)
      seen.push((await get(elsewhere)).status)
      seen.push((await get(callback, callback.host, 'POST')).status)
      seen.push((await get(forged)).status)
      const page = await get(callback)
      seen.push(page.status)
      expect(page.body).toContain('You can close this window')
    },
  })
  const client = createClient({ fetch: world.fetch, clock: world.clock, redirect })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(callback!.hostname).toBe('127.0.0.1')
  expect(seen).toEqual([404, 404, 404, 404, 400, 200])
  await expect(get(callback!)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('RC10 loopback under the name localhost, bound to 127.0.0.1: the redirect URI, the Host and the port of the next time', async () => {
  const world = createWorld()
  const arrived: { url: URL; foreign: number; own: number }[] = []
  const redirect = loopbackRedirect({
    host: 'localhost',
    open: async (url) => {
      const response = await world.fetch(url, { redirect: 'manual' })
      const callback = new URL(response.headers.get('location')!)
      const { status: foreign } = await get(callback, `127.0.0.1:${callback.port}`)
      const { status: own } = await get(callback, callback.host)
      arrived.push({ url: callback, foreign, own })
    },
  })
  const client = createClient({ fetch: world.fetch, clock: world.clock, redirect })
  expect((await client.fetch(resource)).status).toBe(200)
  await client.signOut(resource)
  expect((await client.fetch(resource)).status).toBe(200)
  expect(arrived.map(({ url, foreign, own }) => [url.hostname, foreign, own])).toEqual([
    ['localhost', 404, 200],
    ['localhost', 404, 200],
  ])
  expect(world.to(`${issuer}/register`)).toHaveLength(1)
  for (const host of ['::1', '0.0.0.0', 'example.com', ''])
    expect(() => loopbackRedirect({ open: () => undefined, host: host as never })).toThrow(ConfigurationError)
})

test('the next authorization prefers the registered port, so that nothing is registered again', async () => {
  const world = createWorld()
  const open = async (url: URL): Promise<string> =>
    (await world.fetch(url, { redirect: 'manual' })).headers.get('location')!
  const client = createClient({
    fetch: world.fetch,
    clock: world.clock,
    redirect: loopbackRedirect({ open }),
  })
  await client.fetch(resource)
  await client.signOut(resource)
  await client.fetch(resource)
  expect(world.to(`${issuer}/register`)).toHaveLength(1)
})

test('CL5 openUrl: one argument, encoded, without a shell; only web pages', async () => {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const log = join(folder, 'opened')
  const opener = join(bin, process.platform === 'darwin' ? 'open' : 'xdg-open')
  writeFileSync(opener, `#!/bin/sh\nprintf '%s\\n' "$#" "$1" >> '${log}'\n`)
  chmodSync(opener, 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${bin}${delimiter}${path}`
  try {
    for (const text of ['https://x.test/$(calc.exe)?a=1&b=`id`|c;d', 'https://x.test/?--flag']) {
      rmSync(log, { force: true })
      await openUrl(new URL(text))
      await expect
        .poll(() => readdirSync(folder).includes('opened') && readFileSync(log, 'utf8').split('\n').length, {
          timeout: 10_000,
        })
        .toBe(3)
      const [count, url] = readFileSync(log, 'utf8').split('\n')
      expect(count).toBe('1')
      expect(url).toMatch(/^https:\/\/x\.test\//)
      expect(url).not.toMatch(/[`$|;()]/)
      expect(decodeURIComponent(url!)).toContain(text.slice(15))
    }
    for (const text of ['javascript:alert(1)', 'file:///etc/passwd', 'ms-settings:x', 'vscode://x'])
      await expect(openUrl(new URL(text))).rejects.toThrow('Only web pages')
  } finally {
    process.env['PATH'] = path
  }
})

test('CL2 nodeFetch refuses names that lead to special addresses, and literal ones', async () => {
  for (const url of ['http://10.0.0.1/', 'http://169.254.169.254/', 'http://[fd00::1]/', 'http://0.0.0.0/'])
    await expect(nodeFetch(url)).rejects.toMatchObject({ code: 'invalid_request' })
})

test('nodeFetch: method, headers, body, status and streams pass; redirects are not followed', async () => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/away') {
      outgoing.writeHead(302, { location: '/' }).end()
      return
    }
    outgoing.writeHead(201, { 'x-method': incoming.method!, 'set-cookie': ['a=1', 'b=2'] })
    incoming.pipe(outgoing)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const response = await nodeFetch(`${url}/x`, { method: 'PUT', body: 'hello' })
    expect([response.status, response.headers.get('x-method'), await response.text()]).toEqual([
      201,
      'PUT',
      'hello',
    ])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect((await nodeFetch(`${url}/away`)).status).toBe(302)
    await expect(nodeFetch(url, { signal: AbortSignal.abort() })).rejects.toThrow()
  } finally {
    server.close()
  }
})
