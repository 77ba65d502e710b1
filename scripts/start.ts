// `npm start`: the notes server in workerd, with the embedded authorization server, with a sign-in by password (`-- --password`) or at an identity provider (`-- --upstream`), or with an independent server (`-- --external`).
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { build } from './build.ts'
import { demoClientId, startDocuments } from './documents.ts'
import { readFlags } from './flags.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { preparePassword, prepareUpstream, type PreparedSignIn } from './sign-in.ts'
import { folder, stateFile, type SignInMode, type StartState } from './start-state.ts'
import { startWrangler } from './wrangler.ts'

const usage = `npm start -- [options]
  --password      users sign in with a password; the run makes one and prints it
  --upstream      users sign in at an identity provider (oidc-provider); a tool calls it with their token
  --external      an independent authorization server (oidc-provider) instead of the embedded one
  --port 8787     where the server listens; the next free port where that one is taken
  --no-build      dist/ is up to date
The environment may name another issuer: AUTH_MODE=external AUTH_SERVER_URL=https://login.example.com npm start`

const values = readFlags(
  usage,
  {
    external: { type: 'boolean', default: process.env['AUTH_MODE'] === 'external' },
    password: { type: 'boolean', default: false },
    upstream: { type: 'boolean', default: false },
    port: { type: 'string', default: '8787' },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  ['external', 'password', 'upstream'],
)
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const wanted = Number(values.port)
if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_000) {
  console.error(`--port must be a number from 1 to 65000; got "${values.port}".`)
  process.exit(2)
}

const ending: (() => Promise<void>)[] = []
let ended: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0))
// The demo has started it, and has ended.
if (process.connected) process.once('disconnect', () => end(0))

try {
  await start()
} catch (error) {
  // What is ended on purpose fails, too.
  if (ended === undefined) console.error(error instanceof Error ? error.message : error)
  await end(1)
}

async function start(): Promise<void> {
  if (!values['no-build']) {
    console.log('Building…')
    await build()
  }
  const port = await freePort(wanted)
  const url = `http://127.0.0.1:${port}`
  const resource = `${url}/mcp`

  const variables: Record<string, string> = {
    PUBLIC_URL: url,
    AUTH_MODE: 'internal',
    TOLLGATE_SECRET: secret(),
  }
  if (values.external) {
    variables['AUTH_MODE'] = 'external'
    variables['AUTH_SERVER_URL'] =
      process.env['AUTH_SERVER_URL'] ?? (await independentServer(resource, port + 1))
  } else {
    variables['TOLLGATE_CLIENT_DOCUMENTS'] = process.env['TOLLGATE_CLIENT_DOCUMENTS'] ?? (await documents())
  }
  const prepared = await prepare(url, port + 1)
  Object.assign(variables, prepared?.variables)

  console.log('Starting workerd…')
  const wrangler = startWrangler({
    port,
    variables,
    ready: `${url}/.well-known/oauth-protected-resource`,
  })
  ending.push(wrangler.close)
  await wrangler.ready
  wrangler.exited.then((output) => {
    if (ended !== undefined) return
    console.error(`workerd ended by itself:\n${output}`)
    return end(1)
  })

  mkdirSync(folder, { recursive: true })
  // Only this user may read the password.
  const state: StartState = { resource, signIn: mode(), answers: prepared?.answers ?? {} }
  rmSync(stateFile, { force: true })
  writeFileSync(stateFile, JSON.stringify(state), { mode: 0o600 })
  ending.push(async () => rmSync(stateFile, { force: true }))

  const document = values.external
    ? ''
    : `
  … -- --document       the same, as ${demoClientId} instead of registering`
  const issuedBy = values.external
    ? process.env['AUTH_SERVER_URL'] === undefined
      ? 'independent; any name signs in'
      : 'yours'
    : `embedded; ${prepared?.says ?? 'any name signs in'}`
  console.log(`
An MCP server runs in workerd, protected by Tollgate:

  MCP server            ${resource}
  authorization server  ${variables['AUTH_SERVER_URL'] ?? url}  (${issuedBy})

Next:
  npm run demo          the official SDK's client goes through the whole flow${document}
  or give ${resource} to an MCP client: it opens a browser, and you sign in.

Ctrl-C ends everything.`)
}

function mode(): SignInMode {
  if (values.external) return 'external'
  return values.password ? 'password' : values.upstream ? 'upstream' : 'any name'
}

async function prepare(url: string, port: number): Promise<PreparedSignIn | undefined> {
  const prepared = values.password
    ? await preparePassword()
    : values.upstream
      ? await prepareUpstream(url, await freePort(port))
      : undefined
  if (prepared !== undefined) ending.push(prepared.close)
  return prepared
}

/** The metadata document of the demo's client: its host cannot be owned, so it is read from here. */
async function documents(): Promise<string> {
  const { url, close } = await startDocuments()
  ending.push(close)
  return url
}

async function independentServer(resource: string, port: number): Promise<string> {
  const { issuer, close } = await startOidcProvider({
    port: await freePort(port),
    scopes: ['notes:read', 'notes:write'],
    resources: { [resource]: 'jwt' },
  })
  ending.push(close)
  return issuer
}

/** The same one each time: what was issued yesterday is good today. */
function secret(): string {
  const file = join(folder, 'secret')
  mkdirSync(folder, { recursive: true })
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600 })
  return readFileSync(file, 'utf8')
}

async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 100; port++) {
    if (!(await isFree(port))) continue
    if (port !== wanted) console.log(`Port ${wanted} is taken; using ${port}.`)
    return port
  }
  throw new Error(`Ports ${wanted} to ${wanted + 99} are taken; pass another one with --port`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function end(code: number): Promise<void> {
  ended ??= (async () => {
    for (const step of ending.reverse()) await step().catch(() => undefined)
    process.exit(code)
  })()
  return ended
}
