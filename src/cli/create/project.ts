import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { Choices } from './choices.ts'
import { environmentFile, exampleFile, localFile, settingsOf, type Secrets } from './environment.ts'
import { providerFile } from './provider-file.ts'
import { readme } from './readme.ts'

/** What a project is called and made of. */
export interface ProjectOptions {
  /** For package.json. */
  readonly name: string
  readonly choices: Choices
  /** What package.json names as `tollgate`. */
  readonly tollgate: string
  readonly secrets: Secrets
}

const templates = fileURLToPath(new URL('../../../examples/create/', import.meta.url))

/** The files of a project by their path, put together from the parts in `examples/create`. */
export function projectFiles(options: ProjectOptions): ReadonlyMap<string, string> {
  const { name, choices, tollgate, secrets } = options
  const { host, auth, provider } = choices
  const files = new Map<string, string>()
  for (const part of partsOf(choices))
    for (const [path, text] of partFiles(part)) files.set(path, combine(path, files.get(path), text))

  if (provider !== undefined) files.set('src/provider.ts', providerFile(provider, auth))
  const manifest = files.get('package.json')!
  files.set('package.json', combine('package.json', json({ name, dependencies: { tollgate } }), manifest))
  const toml = files.get('wrangler.toml')
  if (toml !== undefined) files.set('wrangler.toml', `name = "${name}"\n${toml}`)

  const settings = settingsOf(choices, secrets)
  const local = environmentFile(host)
  files.set(`${local}.example`, exampleFile(settings, host))
  files.set(local, localFile(settings, host))
  files.set('.gitignore', gitignore)
  files.set('README.md', readme(name, choices, settings))
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** npm packs no .gitignore, so it cannot lie among the parts. */
const gitignore = `node_modules/
dist/
.next/
next-env.d.ts
*.tsbuildinfo
.wrangler/

# Secrets of this machine.
.env
.env.*
!.env.example
.dev.vars
.dev.vars.*
!.dev.vars.example

*.db
*.db-*
`

/** Later parts go over earlier ones. */
function partsOf({ host, auth, provider, store }: Choices): readonly string[] {
  return [
    'common',
    `host/${host}`,
    ...(auth === 'external' ? [] : ['auth/embedded']),
    ...new Set([`auth/${auth}`, mostSpecific(`auth/${auth}`, host, provider)]),
    ...(store === undefined ? [] : [mostSpecific(`store/${store}`, host)]),
  ]
}

/** `auth/upstream-github` instead of `auth/upstream`, if there is one. */
const mostSpecific = (part: string, ...cases: readonly (string | undefined)[]): string =>
  cases.map((each) => `${part}-${each}`).find((special) => existsSync(templates + special)) ?? part

function partFiles(part: string): readonly (readonly [path: string, text: string])[] {
  return readdirSync(templates + part, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const file = `${parentPath}/${name}`.replaceAll('\\', '/')
      const path = file.slice(`${templates}${part}/`.length)
      return [path, readFileSync(file, 'utf8')] as const
    })
}

/** Manifests are merged, `wrangler.toml` and bindings are appended, and other files replaced. */
function combine(path: string, earlier: string | undefined, later: string): string {
  if (earlier === undefined) return later
  if (path === 'wrangler.toml' || path === 'src/bindings.d.ts') return earlier + later
  return path === 'package.json' ? mergeManifests(earlier, later) : later
}

type Manifest = Record<string, unknown>

function mergeManifests(earlier: string, later: string): string {
  const [one, two] = [JSON.parse(earlier) as Manifest, JSON.parse(later) as Manifest]
  const merged: Manifest = { ...one, ...two }
  for (const key of ['engines', 'dependencies', 'devDependencies'])
    if (one[key] !== undefined && two[key] !== undefined)
      merged[key] = Object.fromEntries(
        Object.entries({ ...one[key], ...two[key] }).sort(([a], [b]) => (a < b ? -1 : 1)),
      )
  return json(merged)
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
