// README's Worker with GitHub sign-in, as it stands there: in workerd, with its wrangler.toml, against an imitation of GitHub.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import type { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { githubImitation } from '../support/providers/github.ts'
import { alice } from '../support/providers/imitation.ts'
import { bundle, startWorkerd } from '../support/runtime-workerd.ts'

const root = join(import.meta.dirname, '../..')
// Inside the package, so that `tollgate/…` resolves through its own `exports`.
const folder = join(root, '.tollgate/readme-worker')
const origin = 'https://notes.example.com'
const octocat = { ...alice, login: 'octocat' }

const github = githubImitation({ callback: `${origin}/authorize/callback` })
let miniflare: Miniflare

beforeAll(async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, program] = /^```ts\n([^`]*?provider\/github[\s\S]*?)^```$/m.exec(readme)!
  const [, toml] = /^```toml\n([\s\S]*?)^```$/m.exec(readme)!
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'wrangler.toml')
  writeFileSync(file, toml!)
  writeFileSync(join(folder, 'worker.ts'), program!)
  const config = readConfig({ config: file })
  const [binding] = config.durable_objects.bindings
  expect(config.migrations[0]!.new_sqlite_classes).toEqual([binding!.class_name])
  miniflare = await startWorkerd({
    modules: true,
    script: await bundle(config.main!),
    compatibilityDate: config.compatibility_date!,
    compatibilityFlags: config.compatibility_flags,
    durableObjects: { [binding!.name]: { className: binding!.class_name, useSQLite: true } },
    bindings: {
      TOLLGATE_SECRET: 'a deployment secret for tests, of forty bytes',
      GITHUB_ID: github.client.id,
      GITHUB_SECRET: github.client.secret!,
    },
    outboundService: async (request: Request) => github.handle(new Request(request.url, request)),
  } as never)
}, 60_000)
afterAll(() => miniflare?.dispose())

/** The internet of this test: the Worker and GitHub. */
async function send(request: Request): Promise<Response> {
  const { url, method, headers } = request
  if (new URL(url).origin !== origin) return github.handle(request)
  const body = method === 'GET' || method === 'HEAD' ? undefined : await request.arrayBuffer()
  const response = await miniflare.dispatchFetch(url, {
    method,
    headers: Object.fromEntries(headers),
    redirect: 'manual',
    ...(body && { body }),
  } as never)
  return response as unknown as Response
}

/** A client that has been asked to sign in. */
async function connect(): Promise<{ session: SdkSession; transport: StreamableHTTPClientTransport }> {
  const session = sdkSession('A client')
  const transport = newTransport(session)
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(transport)).rejects.toThrow(
    UnauthorizedError,
  )
  return { session, transport }
}

const newTransport = (session: SdkSession): StreamableHTTPClientTransport =>
  new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), {
    authProvider: session.provider,
    fetch: (input, init) => send(new Request(input, init)),
  })

test('CN8 CN11 README: consent, GitHub, and a tool that calls GitHub with the user’s token', async () => {
  github.user = octocat
  const { session, transport } = await connect()
  const pages: string[] = []
  const answer = await session.signIn({ send, onPage: (title) => pages.push(title) })
  // GitHub shows nothing: it knows the application.
  expect(pages).toEqual(['A client asks for access · notes.example.com'])
  const asked = github.requests.find(({ url }) => url.startsWith('https://github.com/login/oauth/authorize'))!
  expect(asked.parameters.get('code_challenge_method')).toBe('S256')
  await transport.finishAuth(answer)
  const token = session.provider.tokens()!.access_token
  expect(JSON.stringify(session.provider.tokens())).not.toContain('gho_')

  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(newTransport(session))
  const { content } = await client.callTool({ name: 'who_am_i', arguments: {} })
  const [{ text }] = content as unknown as [{ text: string }]
  expect(JSON.parse(text)).toMatchObject({ login: 'octocat', id: 583231 })
  const called = github.requests.filter(({ url }) => url === 'https://api.github.com/user').at(-1)!
  expect(called.headers.get('authorization')).toMatch(/^Bearer gho_/)
  expect(called.headers.get('authorization')).not.toContain(token)
  await client.close()
})

test('CN10 README: another GitHub user is refused, and the client hears it', async () => {
  github.user = alice
  const { session } = await connect()
  await expect(session.signIn({ send })).rejects.toThrow('access_denied')
  expect(session.provider.tokens()).toBeUndefined()
})

test('U15 README: a path that is not the MCP server’s is 404, and says where that is', async () => {
  for (const path of ['/', '/favicon.ico', '/.well-known/unknown']) {
    const response = await send(new Request(origin + path))
    expect(response.status, path).toBe(404)
    expect(response.headers.has('www-authenticate')).toBe(false)
    expect(await response.text()).toContain(`${origin}/mcp`)
  }
})
