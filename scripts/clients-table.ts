// Writes docs/guide/clients.md from the data of test/authorization-server/clients: `node scripts/clients-table.ts`. A test holds it current.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RealClient } from '../test/authorization-server/clients/client.ts'
import { realClients } from '../test/authorization-server/clients/index.ts'

const code = (text: string): string => `\`${text}\``

function identityOf({ identities }: RealClient): string {
  const kinds = identities.map((each) => ('document' in each ? 'document' : 'registration'))
  return [...new Set(kinds)].join(', then ')
}

function evidenceOf({ evidence, drivenBy }: RealClient): string {
  return evidence === 'driven' ? `driven by its own code (${code(drivenBy!)})` : 'imitated from its sources'
}

function row(client: RealClient): string {
  const { authorize, discovery, authentication, redirectUri, name, note } = client
  const cells = [
    name,
    identityOf(client),
    code(redirectUri),
    {
      challenge: 'the challenge',
      'well-known': 'the well-known path',
      'authorization-server': 'the host (2025-03-26)',
    }[discovery],
    { challenge: 'the challenge', metadata: '`scopes_supported`', none: 'none' }[authorize.scope] +
      (authorize.offlineAccess === true ? ' and `offline_access`' : ''),
    authorize.resource ? 'yes' : 'no',
    authentication === 'none'
      ? 'none (PKCE)'
      : code(authentication.replace('raw basic', 'client_secret_basic')),
    evidenceOf(client),
    note,
  ]
  return `| ${cells.join(' | ')} |`
}

const head = [
  ...['client', 'identifies by', 'redirect of its requests', 'reads first', 'scopes from', '`resource`'],
  ...['authenticates', 'how we know', 'worth knowing'],
]

/** The page. */
export function page(): string {
  return [
    '# Clients',
    '',
    'What real MCP clients do at the authorization server, and how each of them is tested. Generated from `test/authorization-server/clients/` by',
    '`node scripts/clients-table.ts`. Each row is driven on every runtime: the first 401, discovery, registration or document, consent, tokens,',
    'a call, a step-up, a refresh, a revocation. _Imitated_ means that the requests are made as public sources describe them, on the date',
    'named below; _driven_ means that the client’s own code also runs against the server in the named test.',
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...realClients.map(row),
    '',
    '## Sources',
    '',
    ...realClients.flatMap(({ name, sources }) =>
      sources.map(({ fact, url, date }) => `- ${name}: ${fact} ([${date}](${url})).`),
    ),
    '',
  ].join('\n')
}

export const path: string = join(import.meta.dirname, '../docs/guide/clients.md')

if (import.meta.filename === process.argv[1]) {
  writeFileSync(path, page())
}
