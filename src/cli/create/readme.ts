import type { Choices, HostName, StoreName } from './choices.ts'
import { environmentFile, port, type Setting } from './environment.ts'
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
      deploy: 'Set the variables below, without `--env-file`, and run `src/server.ts`.',
    }
  if (host === 'bun')
    return {
      install: 'bun install',
      start: ['bun run start'],
      deploy: 'Set the variables below and run `bun src/server.ts`.',
    }
  const start = host === 'next' ? ['npm run build', 'npm start'] : ['npm start']
  return { install: 'npm install', start, deploy: deployment[host] }
}

const behindProxy =
  'In front of the https URL stands a proxy that ends TLS and sets `X-Forwarded-For`. `HOST=0.0.0.0` listens on every address.'
const onNode = `Run \`npm run build\`, set the variables below, and run \`node dist/server.js\`. ${behindProxy}`

const deployment = {
  node: onNode,
  hono: onNode,
  express: onNode,
  next: 'As any Next.js application, with the variables below. `npm run build` needs none of them.',
  workers:
    'Write your URL into `[vars]` of `wrangler.toml`, keep each of the other variables with `npx wrangler secret put <NAME>`, and run `npm run deploy`.',
} satisfies Partial<Record<HostName, string>>

/** README.md of the project. */
export function readme(name: string, choices: Choices, settings: readonly Setting[]): string {
  const { host, auth, store } = choices
  const { install, start, deploy } = commandsOf(host)
  const file = environmentFile(host)
  return `# ${name}

An MCP server with three tools (\`list_notes\`, \`read_note\`, \`write_note\`), protected by [Tollgate](https://www.npmjs.com/package/tollgate). ${authSentence(choices)}

\`\`\`sh
${[install, ...start].join('\n')}
\`\`\`

Then give an MCP client this URL:

\`\`\`
http://127.0.0.1:${port(host)}/mcp
\`\`\`

## Settings

On this machine they are read from \`${file}\`, which git ignores. \`${file}.example\` lists them without secrets.

| variable | |
| --- | --- |
${settings.map(({ name, about }) => `| \`${name}\` | ${about} |`).join('\n')}

${signInNotes(choices)}

## What is where

| file | |
| --- | --- |
| \`src/notes.ts\` | the tools, their scopes, and which tool needs which: start here |
| \`src/storage.ts\` | where notes lie: ${host === 'workers' ? 'Workers KV' : 'memory, until you put your database in its place'} |
| \`src/auth.ts\` | who may call: the guard${auth === 'external' ? '' : ' and the authorization server'} |
${auth === 'external' ? '' : '| `src/sign-in.ts` | how users sign in |\n'}${choices.provider === undefined ? '' : '| `src/provider.ts` | the identity provider |\n'}${store === undefined ? '' : `| \`src/store.ts\` | where grants lie: ${storeNames[store]} |\n`}| \`src/host.ts\` | the environment and the address |

## Deploy

${deploy}
`
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
    return 'The user name is `owner`. `tollgate create` showed the password once; a new hash replaces it.'
  if (auth === 'own-login')
    return 'Until `src/sign-in.ts` reads the session of your application, `DEV_USER` is signed in without any proof. That works on this machine only.'
  const { title, tokens } = providers[provider!]!
  if (auth === 'upstream') {
    const path = `${host === 'next' ? '/oauth' : ''}/authorize/callback/${provider}`
    return `Register an application at ${title}. Its redirect URI is \`<PUBLIC_URL>${path}\`, on this machine \`http://127.0.0.1:${port(host)}${path}\`.`
  }
  return `${title} must know this resource, \`<PUBLIC_URL>/mcp\`, and the scopes of \`src/notes.ts\`.${tokens === 'jwt' ? '' : ' The client id is of an application of your own there.'}`
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
