// README's programs, as they stand there: each is whole, and does what the text says. GitHub's has a test of its own.
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { sdkSession } from '../../scripts/sdk-session.ts'
import { program } from '../support/runtime-hosts.ts'
import { freePort } from '../support/runtime-port.ts'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'

const root = join(import.meta.dirname, '../..')
// Inside the package, so that `tollgate/…` resolves through its own `exports`.
const folder = join(root, '.tollgate/readme-programs')
const password = 'a password of fifteen characters'

const ending: (() => Promise<unknown>)[] = []
beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
})
afterEach(async () => {
  for (const close of ending.splice(0).reverse()) await close()
})

/** The program of README with this text in it, as a file. */
function readmeProgram(part: string, change: (code: string) => string = (code) => code): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const programs = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)
  const found = programs.filter((code) => code.includes(part))
  expect(found, part).toHaveLength(1)
  const file = join(folder, `${part.replaceAll(/\W/g, '-')}.ts`)
  writeFileSync(file, change(found[0]!))
  return file
}

async function expectNoOtherPath(resource: string, send: (url: string) => Promise<Response> = fetch) {
  for (const path of ['/', '/favicon.ico', '/.well-known/unknown']) {
    const response = await send(new URL(path, resource).href)
    expect(response.status, path).toBe(404)
    expect(response.headers.has('www-authenticate')).toBe(false)
    expect(await response.text()).toContain(resource)
  }
}

test('U15 README: the guard, with tokens of Auth0', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const resource = 'https://notes.example.com/mcp'
  const token = await new SignJWT({ scope: 'notes:read', azp: 'a client' })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'a' })
    .setIssuer('https://example.eu.auth0.com/')
    .setSubject('auth0|ada')
    .setAudience(resource)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'a', alg: 'RS256', use: 'sig' }] }
  const miniflare = await startWorkerd({
    ...compatibility,
    script: await bundle(readmeProgram('provider/auth0')),
    outboundService: ({ url }: Request) =>
      url === 'https://example.eu.auth0.com/.well-known/jwks.json'
        ? Response.json(keys)
        : new Response(null, { status: 404 }),
  } as never)
  ending.push(() => miniflare.dispose())
  const send = async (url: string, init?: RequestInit): Promise<Response> =>
    (await miniflare.dispatchFetch(url, init as never)) as unknown as Response

  await expectNoOtherPath(resource, send)
  const refused = await send(resource, { method: 'POST' })
  expect(refused.status).toBe(401)
  const [, metadata] = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate')!)!
  expect(await (await send(metadata!)).json()).toMatchObject({
    resource,
    authorization_servers: ['https://example.eu.auth0.com/'],
  })

  const client = new Client({ name: 'test', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(resource), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const body = request.method === 'POST' ? await request.arrayBuffer() : undefined
      const headers = Object.fromEntries(request.headers)
      return send(request.url, { method: request.method, headers, ...(body && { body }) })
    },
  })
  await client.connect(transport)
  const { content } = await client.callTool({ name: 'who_am_i', arguments: {} })
  expect(content).toEqual([{ type: 'text', text: 'You are auth0|ada.' }])
  await client.close()
})

/** README's server on Node; its owner signs in with the password. */
async function startServer(): Promise<URL> {
  const port = await freePort()
  const { hashPassword } = await import('tollgate/sign-in/password')
  const variables = {
    TOLLGATE_SECRET: 'a deployment secret for tests, of forty bytes',
    OWNER_HASH: await hashPassword(password),
  }
  const file = readmeProgram('sign-in/password')
  ending.push(await program([process.execPath, file])({ port, variables, cwd: folder }))
  return new URL(`http://127.0.0.1:${port}/mcp`)
}

test('U15 README: the authorization server on Node, with SQLite and a password', async () => {
  const url = await startServer()
  await expectNoOtherPath(url.href)
  const session = sdkSession('A client')
  const transport = () => new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  const first = transport()
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(first)).rejects.toThrow(
    UnauthorizedError,
  )
  await first.finishAuth(await session.signIn({ answers: { username: 'owner', password } }))
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport())
  const { content } = await client.callTool({ name: 'who_am_i', arguments: {} })
  expect(content).toEqual([{ type: 'text', text: 'You are owner, with notes:read notes:write.' }])
  await client.close()
  expect(readFileSync(join(folder, 'tollgate.db')).length).toBeGreaterThan(0)
})

// openUrl() starts `xdg-open` or `open` from the path; on Windows it takes no other program than the system's.
test.runIf(process.platform !== 'win32')(
  'U15 README: the client, with a browser that signs in and approves',
  async () => {
    const url = await startServer()
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    const opener = join(bin, process.platform === 'darwin' ? 'open' : 'xdg-open')
    const visitor = join(folder, 'visitor.ts')
    const answers = { username: 'owner', password }
    writeFileSync(opener, `#!/bin/sh\nexec '${process.execPath}' '${visitor}' "$1"\n`)
    chmodSync(opener, 0o755)
    writeFileSync(
      visitor,
      `import { browse } from '${join(root, 'scripts/browser.ts')}'
const start = new URL(process.argv[2]!)
await fetch(await browse(start, start.searchParams.get('redirect_uri')!, { answers: ${JSON.stringify(answers)} }))
`,
    )
    const file = readmeProgram('loopbackRedirect', (code) =>
      code.replace('https://notes.example.com/mcp', url.href),
    )
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${bin}${delimiter}${process.env['PATH']}`,
        XDG_CONFIG_HOME: join(folder, 'config'),
      },
    })
    expect(stdout.trim()).toBe("[ 'who_am_i' ]")
  },
)
