// `npm run demo`: the official SDK's client against what `npm start` runs. It discovers, registers (or, with `-- --document`, has a document), signs in, reads, is refused, steps up, writes. With `-- --password` or `-- --upstream` it starts what it needs.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { demoClient, demoClientId } from './documents.ts'
import { readFlags } from './flags.ts'
import { startServer } from './own-server.ts'
import { sdkSession } from './sdk-session.ts'
import { readState, type StartState } from './start-state.ts'

const usage = `npm run demo -- [options]
  --password      signs in with a password; starts a server for that unless one runs
  --upstream      signs in at an identity provider; starts a server for that unless one runs
  --document      comes with a client-id document instead of registering
  --url           another server, for example http://127.0.0.1:8787/mcp`

const values = readFlags(
  usage,
  {
    url: { type: 'string' },
    document: { type: 'boolean', default: false },
    password: { type: 'boolean', default: false },
    upstream: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  ['password', 'upstream'],
)
if (values.help) {
  console.log(usage)
  process.exit(0)
}

let closeServer: (() => Promise<void>) | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, async () => {
    await closeServer?.()
    process.exit(130)
  })

let step = 0
const say = (text: string): void => console.log(`\n${++step}. ${text}`)
const detail = (text: string): void => console.log(`   ${text}`)

let state: StartState | undefined
let url = new URL('http://127.0.0.1:8787/mcp')
try {
  state = await server()
  url = new URL(values.url ?? state?.resource ?? url)
  await demo()
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await closeServer?.()
}

/** What `npm start` runs, or a server of this demo's own if another way to sign in was asked for. */
async function server(): Promise<StartState | undefined> {
  const wanted = values.password ? 'password' : values.upstream ? 'upstream' : undefined
  const running = readState()
  const isHere = running !== undefined && (values.url === undefined || values.url === running.resource)
  if (wanted === undefined || (isHere && running.signIn === wanted)) return isHere ? running : undefined
  if (values.url !== undefined)
    throw new Error(`the server at ${values.url} was not started with "npm start -- --${wanted}"`)
  console.log('Starting a server for this demo…')
  const flags = [`--${wanted}`, ...(values['no-build'] ? ['--no-build'] : [])]
  return startServer(flags, (close) => (closeServer = close))
}

async function demo(): Promise<void> {
  console.log(`An MCP client meets ${url.href}`)
  await reachable()
  const session = sdkSession(demoClient.client_name, demoClient.redirect_uris[0])
  if (values.document) Object.assign(session.provider, { clientMetadataUrl: demoClientId })
  const transport = new StreamableHTTPClientTransport(url, {
    authProvider: session.provider,
    fetch: narrated,
  })
  const client = new Client({ name: 'tollgate-demo', version: '1.0.0' })

  const identifies = values.document ? `is ${demoClientId}` : 'registers'
  say(
    `Connect without a token: refused, with a pointer to the metadata. The client discovers and ${identifies}.`,
  )
  await expectSignIn(() => client.connect(transport))

  say('Sign in, and agree to reading alone. This script plays the browser.')
  const answers = state?.answers ?? {}
  await transport.finishAuth(await session.signIn({ onPage, answers, scopes: ['notes:read'] }))
  detail(`scope of the token: ${session.provider.tokens()?.scope}`)

  say('Connect with the token, and list the tools.')
  const connected = new StreamableHTTPClientTransport(url, {
    authProvider: session.provider,
    fetch: narrated,
  })
  await client.connect(connected)
  const { tools } = await client.listTools()
  detail(`tools: ${tools.map(({ name }) => name).join(', ')}`)

  say('Call list_notes, which needs notes:read.')
  detail(textOf(await client.callTool({ name: 'list_notes', arguments: {} })))

  const note = { title: 'Demo', text: `Written at ${new Date().toISOString()}` }
  say('Call write_note, which needs notes:write: 403, and the challenge names what is missing.')
  await expectSignIn(() => client.callTool({ name: 'write_note', arguments: note }))

  say('Step up: sign in for both scopes.')
  await connected.finishAuth(await session.signIn({ onPage, answers }))
  detail(`scope of the token: ${session.provider.tokens()?.scope}`)

  say('Call write_note again, and read the note.')
  detail(textOf(await client.callTool({ name: 'write_note', arguments: note })))
  detail(textOf(await client.callTool({ name: 'read_note', arguments: { title: note.title } })))

  if (tools.some(({ name }) => name === 'who_am_i')) {
    say('Call who_am_i: the server asks the identity provider, with the user’s token there.')
    detail(textOf(await client.callTool({ name: 'who_am_i', arguments: {} })))
  }

  await client.close()
  console.log('\nDone: every step did what it should.')
}

/** The SDK says with an error that it needs the user. Anything else is not what the step is about. */
async function expectSignIn(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof UnauthorizedError) return detail('the client asks for a sign-in')
    throw error
  }
  throw new Error('this should have needed a sign-in')
}

/** Prints each exchange: method, path, status and what a challenge says. */
async function narrated(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  const { method, url: asked } = new Request(input, init)
  const { host, pathname } = new URL(asked)
  const [, error] = /error="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  const [, scope] = /scope="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  const challenge = [error, scope && `scope "${scope}"`].filter(Boolean).join(', ')
  const where = host === url.host ? pathname : host + pathname
  detail(`${method} ${where} → ${response.status}${challenge ? `  ${challenge}` : ''}`)
  return response
}

function onPage(title: string, page: string): void {
  detail(`page "${title}" at ${page}`)
}

function textOf(result: unknown): string {
  const { content } = result as { content: { text?: string }[] }
  return content.map(({ text }) => text).join('\n')
}

async function reachable(): Promise<void> {
  try {
    await fetch(url, { method: 'HEAD' })
  } catch {
    throw new Error(`no server listens at ${url.host}; run "npm start" in another terminal first`)
  }
}
