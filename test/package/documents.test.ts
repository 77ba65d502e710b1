// The documents name files and identifiers that exist.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow } from '../support/files-below.ts'

const root = join(import.meta.dirname, '../..')

/** A superseded decision speaks of what was. */
const documents = [...filesBelow(root, ['docs'], /\.md$/), 'README.md', 'CONTRIBUTING.md', 'SECURITY.md']
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  .filter(({ text }) => !/^Superseded/m.test(text))
  // Snippets are compiled by a test of their own.
  .map(({ file, text }) => ({ file, text: text.replaceAll(/^```[\s\S]*?^```/gm, '') }))

const identifiers = new Set(
  filesBelow(root, ['src', 'scripts', 'examples', 'test', 'bench'], /\.tsx?$/)
    // The pages that compare and migrate name what others have.
    .concat([
      'node_modules/@cloudflare/workers-oauth-provider/dist/oauth-provider.d.ts',
      ...[
        'router',
        'provider',
        'clients',
        'middleware/bearerAuth',
        'handlers/register',
        'handlers/token',
      ].map((file) => `node_modules/@modelcontextprotocol/sdk/dist/esm/server/auth/${file}.d.ts`),
      'node_modules/@modelcontextprotocol/sdk/dist/esm/server/auth/providers/proxyProvider.d.ts',
    ])
    .flatMap((file) => readFileSync(join(root, file), 'utf8').match(/[A-Za-z_]\w*/g) ?? []),
)

/** Names of other projects, and words that are not names. */
const foreign = [
  'app/.well-known/[...path]/route.ts',
  'app/oauth/[...path]/route.ts',
  'camelCase',
  'rewriteRelativeImportExtensions',
  'commandTimeout',
  './x.ts',
  './x.js',
  '/jwks.json',
  'app/tollgate.ts',
  'app/mcp/route.ts',
  'app/api/mcp/route.ts',
  // The official SDK v2, mcp-handler and mcp-framework
  'validateHostHeader',
  ...['withMcpAuth', 'verifyToken', 'requiredToolScopes', 'resourceMetadataPath', 'authServerUrls'],
  ...['protectedResourceHandler', 'resourceUrl', 'headerName', 'cacheTTL', 'getRequestContext'],
  'createLambdaHandler',
]

test('each file that a document names exists', () => {
  expect(documents.length).toBeGreaterThan(30)
  const missing = documents.flatMap(({ file, text }) =>
    [...text.matchAll(/`([\w@./[\]-]+\/[\w.[\]-]+\.(?:tsx?|js|mjs|json|toml|sh|md))`/g)]
      .map(([, path]) => path!)
      .filter((path) => !foreign.includes(path) && !path.startsWith('@modelcontextprotocol/'))
      .filter(
        (path) =>
          ![path, `src/${path}`, join(dirname(file), path)].some((each) => existsSync(join(root, each))),
      )
      .map((path) => `${file}: ${path}`),
  )
  expect(missing).toEqual([])
})

test('each identifier that a document names occurs in the code', () => {
  const missing = documents.flatMap(({ file, text }) =>
    [...text.matchAll(/`([^`\n]+)`/g)]
      .flatMap(([, words]) => [...words!.matchAll(/(?<![\w.'"-])([a-z]+[A-Z]\w*)\b/g)])
      .map(([name]) => name)
      .filter((name) => !foreign.includes(name) && !identifiers.has(name))
      .map((name) => `${file}: ${name}`),
  )
  expect(missing).toEqual([])
})

/** GitHub's anchors: lower case, no punctuation, blanks to hyphens; a second one of a name gets `-1`. */
function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>()
  const headings = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+)$/gm)
  return new Set(
    [...headings].map(([, heading]) => {
      const text = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
      const anchor = text
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-')
      const count = seen.get(anchor) ?? 0
      seen.set(anchor, count + 1)
      return count === 0 ? anchor : `${anchor}-${count}`
    }),
  )
}

const linked = [
  ...filesBelow(root, ['docs', 'examples', 'skills', '.github'], /\.md$/),
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'AGENTS.md', 'CLAUDE.md', 'CHANGELOG.md'],
]

test('each relative link leads to a file and an anchor that exist', () => {
  const broken = linked.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
    return [...text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path, anchor] = target.split('#')
        const goal = path ? join(dirname(file), path) : file
        if (!existsSync(join(root, goal))) return true
        return anchor !== undefined && !anchorsOf(readFileSync(join(root, goal), 'utf8')).has(anchor)
      })
      .map((target) => `${file}: ${target}`)
  })
  expect(broken).toEqual([])
})
