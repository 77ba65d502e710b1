import { needOf, type Choices, type HostName, type StoreName } from './choices.ts'
import { environmentFile, openSettings, port, type Setting } from './environment.ts'
import { providers } from './providers.ts'

/** The commands of each host. */
export interface Commands {
  readonly install: string
  readonly start: readonly string[]
  readonly deploy: string
}

export function commandsOf(host: HostName): Commands {
  if (host === 'deno')
    return {
      install: 'deno install',
      start: ['deno task start'],
      deploy: 'Set the variables above, without `--env-file`, and run `src/server.ts`.',
    }
  if (host === 'bun')
    return {
      install: 'bun install',
      start: ['bun run start'],
      deploy: 'Set the variables above and run `bun src/server.ts`.',
    }
  const start = host === 'next' ? ['npm run build', 'npm start'] : ['npm start']
  return { install: 'npm install', start, deploy: deployment[host] }
}

const behindProxy =
  'In front of the https URL stands a proxy that ends TLS and sets `X-Forwarded-For`. ' +
  '`HOST=0.0.0.0` listens on every address.'
const onNode = `Run \`npm run build\`, set the variables above, and run \`node dist/server.js\`. ${behindProxy}`

const deployment = {
  node: onNode,
  hono: onNode,
  express: onNode,
  next: 'As any Next.js application, with the variables above. `npm run build` needs none of them.',
  workers:
    'Write your URL into `[vars]` of `wrangler.toml`, keep each of the other variables with ' +
    '`npx wrangler secret put <NAME>`, and run `npm run deploy`.',
} satisfies Partial<Record<HostName, string>>

/** README.md of the project. */
export function readme(name: string, choices: Choices, settings: readonly Setting[]): string {
  const { host } = choices
  const { install, start, deploy } = commandsOf(host)
  const file = environmentFile(host)
  const open = openSettings(settings).map((name) => `\`${name}\``)
  const first =
    open.length === 0 ? '' : `\nFirst fill in \`${file}\`: ${open.join(', ')} ([below](#settings)).\n`
  const need = needOf(host) === undefined ? '' : `\n${needOf(host)}.\n`
  return `# ${name}

An MCP server with three tools (\`list_notes\`, \`read_note\`, \`write_note\`), protected by
[Tollgate](https://www.npmjs.com/package/tollgate). ${authSentence(choices)}
${need}${first}
\`\`\`sh
${[install, ...start].join('\n')}
\`\`\`

Then give an MCP client this URL:

\`\`\`
http://127.0.0.1:${port(host)}/mcp
\`\`\`

## Settings

On this machine they are read from \`${file}\`, which git ignores. \`${file}.example\` lists them without secrets:
in a fresh clone, copy it to \`${file}\` and fill in what is empty there.

| variable | |
| --- | --- |
${settings.map(({ name, about }) => `| \`${name}\` | ${about} |`).join('\n')}

${signInNotes(choices)}

## What is where

| file | |
| --- | --- |
${parts(choices)
  .map(([path, about]) => `| \`src/${path}\` | ${about} |`)
  .join('\n')}

## Deploy

${deploy}
`
}

function parts({ host, auth, provider, store }: Choices): (readonly [path: string, about: string])[] {
  const embedded = auth !== 'external'
  const notes = host === 'workers' ? 'Workers KV' : 'memory, until you put your database in its place'
  return [
    ['tools.ts', 'the tools: start here'],
    ['scopes.ts', 'what users can allow, and what each tool needs'],
    ['notes.ts', 'the MCP handler behind the guard'],
    ['storage.ts', `where notes lie: ${notes}`],
    ['auth.ts', `who may call: the guard${embedded ? ' and the authorization server' : ''}`],
    ...(embedded ? ([['sign-in.ts', 'how users sign in']] as const) : []),
    ...(auth === 'upstream' ? ([['allowed.ts', 'who may enter']] as const) : []),
    ...(provider === undefined ? [] : ([['provider.ts', 'the identity provider']] as const)),
    ...(store === undefined ? [] : ([['store.ts', `where grants lie: ${storeNames[store]}`]] as const)),
    ['host.ts', 'the environment and the address'],
  ]
}

function authSentence({ auth, provider }: Choices): string {
  const title = provider === undefined ? '' : providers[provider]!.title
  return {
    password: 'It issues the tokens itself, and one owner signs in with a password.',
    upstream: `It issues the tokens itself, and users sign in at ${title}.`,
    'own-login': 'It issues the tokens itself, and your own login says who the user is.',
    external: `${title} issues the tokens.`,
  }[auth]
}

function signInNotes({ host, auth, provider }: Choices): string {
  if (auth === 'password')
    return (
      'The user name is `owner`. `tollgate create` showed the password once, and its hash is in no clone. ' +
      'There, or for another password, put a new hash into `OWNER_PASSWORD_HASH`.'
    )
  if (auth === 'own-login')
    return (
      'Until `src/sign-in.ts` reads the session of your application, `DEV_USER` is signed in without any proof. ' +
      'That works on this machine only.'
    )
  const { title, tokens } = providers[provider!]!
  const callback = `${host === 'next' ? '/oauth' : ''}/authorize/callback/${provider}`
  if (auth === 'upstream')
    return (
      `Register an application at ${title}. Its redirect URI is \`<PUBLIC_URL>${callback}\`, ` +
      `on this machine \`http://127.0.0.1:${port(host)}${callback}\`.`
    )
  const client = tokens === 'jwt' ? '' : ' The client id is of an application of your own there.'
  return `${title} must know this resource, \`<PUBLIC_URL>/mcp\`, and the scopes of \`src/scopes.ts\`.${client}`
}

const storeNames: Readonly<Record<StoreName, string>> = {
  memory: 'memory, gone when the program ends',
  sqlite: 'a SQLite file, for one machine',
  redis: 'Redis',
  postgres: 'PostgreSQL',
  'durable-object': 'Durable Objects',
  d1: 'D1',
  'deno-kv': 'Deno KV',
}
