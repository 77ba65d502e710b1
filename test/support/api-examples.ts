// The examples of doc comments leave out imports, and what the reader's application has: here both come back.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const api = 'docs/reference/api'

/** Entry points by what they export, as the index of the reference says. */
const homes = new Map<string, string[]>()
for (const [, entry, names] of readFileSync(join(root, api, 'README.md'), 'utf8').matchAll(
  /^\| \[`(tollgate[\w/-]*)`\]\S+ \| (.+) \|$/gm,
))
  for (const [, name] of names!.matchAll(/`(\w+)`/g)) homes.set(name!, [...(homes.get(name!) ?? []), entry!])

/** What the application has, by name. */
const application: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...['clientId', 'clientSecret', 'tenantId', 'server', 'publicClient', 'url', 'resource'],
      ...['connectionString', 'body', 'protocolVersion'],
    ].map((name) => [name, 'string']),
  ),
  as: `import('tollgate/authorization-server').EmbeddedAuthorizationServer`,
  rs: `import('tollgate').ResourceServer`,
  client: `import('tollgate/client').Client`,
  auth: `import('tollgate').AuthInfo`,
  capabilities: 'object',
  env: 'any',
  request: 'Request',
  identify: `import('tollgate/types').SignIn['identify']`,
  verify: `import('tollgate/sign-in/key').KeySignInOptions['verify']`,
  ownerOfKey: `(key: string) => Promise<import('tollgate/types').Identity | undefined>`,
  users: `import('tollgate/sign-in/password').PasswordSignInOptions['users']`,
  handler: `Parameters<import('tollgate').ResourceServer['protect']>[0]`,
  transport: `import('@modelcontextprotocol/sdk/server/streamableHttp.js').StreamableHTTPServerTransport`,
  listIssues: '(accessToken: string) => Promise<{ content: { type: "text"; text: string }[] }>',
  servers:
    '() => { as: import("tollgate/authorization-server").EmbeddedAuthorizationServer; rs: import("tollgate").ResourceServer }',
  sessions: `ReturnType<typeof import('tollgate/sessions').createSessions>`,
  NotesAgent:
    '{ serve(path: string): { fetch(request: Request, env: object, context: object): Promise<Response> } }',
  issuer: `import('tollgate/testing').TestIssuer`,
  Deno: '{ openKv(): Promise<import("tollgate/store/deno-kv").DenoKvLike> }',
}
/** Its types. */
const types: Readonly<Record<string, string>> = {
  Env: 'object',
  ExecutionContext: '{ waitUntil(promise: Promise<unknown>): void }',
}
/** The same, if the page's subject changes what a name means. */
const ofPage: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'tollgate/hono': { app: `import('hono').Hono` },
  'tollgate/express': { app: `import('express').Express` },
  'tollgate/mcp-sdk': {
    app: `import('express').Express`,
    handleMcp: `import('express').RequestHandler`,
    errors: `typeof import('@modelcontextprotocol/sdk/server/auth/errors.js')`,
    requireBearerAuth: [
      `typeof import('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js').requireBearerAuth`,
      `typeof import('@modelcontextprotocol/server').requireBearerAuth`,
    ].join(' & '),
  },
  // Its package is only in tools/mcp-handler, where a test uses it.
  'tollgate/mcp-handler': {
    withMcpAuth: '(handler: unknown, verifyToken: unknown, options: unknown) => unknown',
  },
  'tollgate/testing': { app: `import('tollgate/testing').TestServer` },
  'tollgate/linked-accounts': {
    options: `import('tollgate/authorization-server').AuthorizationServerOptions`,
  },
  'tollgate/telemetry/console': { options: `import('tollgate').ResourceServerOptions` },
}

export const isApiPage = (page: string): boolean => page.startsWith(`${api}/`)

/** The example as a module. */
export function toModule(page: string, example: string): string {
  const own = page.slice(api.length + 1, -'.md'.length)
  const lines = example.split('\n')
  const imports = lines.filter((line) => line.startsWith('import '))
  const code = lines.filter((line) => !line.startsWith('import ')).join('\n')
  const has = (name: string, text: string): boolean =>
    new RegExp(`(?<![\\w'/-]|(?<!\\.\\.)\\.)${name}\\b(?!:)`).test(text)
  const declares = (name: string): boolean =>
    imports.some((line) => has(name, line.replace(/ from .*/, ''))) ||
    new RegExp(`(const|function) ${name}\\b`).test(code)
  const missing = [...homes].filter(([name]) => has(name, code) && !declares(name))
  const values = Object.entries({ ...application, ...ofPage[own] }).filter(
    ([name]) => has(name, code) && !declares(name),
  )
  return [
    ...imports,
    ...missing.map(([name, entries]) => {
      const entry = entries.includes(own) ? own : entries[0]
      return `import { ${name} } from '${entry}'`
    }),
    ...values.map(([name, type]) => `declare const ${name}: ${type}`),
    ...Object.entries(types)
      .filter(([name]) => has(name, code))
      .map(([name, type]) => `type ${name} = ${type}`),
    code.includes('export ') ? code : `export async function example() {\n${code}\n}`,
  ].join('\n')
}
