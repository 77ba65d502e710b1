// Writes the API reference: `node generate.ts FOLDER [FILE]`. The page of an entry point has what it exports; FILE gets
// TypeDoc's JSON, from which a test reads whether something has no comment.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  Application,
  Converter,
  DeclarationReflection,
  LogLevel,
  ReferenceType,
  ReflectionKind,
  ReflectionType,
  type Context,
  type ProjectReflection,
  type SomeType,
} from 'typedoc'
import { load as loadRouter } from './router.ts'
import { load as loadTheme } from './theme.ts'

const [folder, jsonFile] = process.argv.slice(2)
if (folder === undefined) throw new Error('node generate.ts FOLDER [FILE]')
const root = join(import.meta.dirname, '../..')

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string }>
}
/** The source of each entry point, by the name that users import. */
const entryPoints = new Map(
  Object.entries(exports)
    .map(([path, { types }]) => ({
      name: path.replace(/^\./, 'tollgate'),
      source: types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts'),
    }))
    // What two entry points export stands on the page of the first one.
    .sort((a, b) => rank(a.name) - rank(b.name))
    .map(({ name, source }) => [source, name]),
)

function rank(name: string): number {
  const first = ['tollgate/types', 'tollgate/errors']
  return first.includes(name) ? first.indexOf(name) : first.length
}

const app = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown', loadRouter, loadTheme],
  theme: 'exports',
  router: 'exports',
  entryPoints: [...entryPoints.keys()].map((source) => join(root, source)),
  tsconfig: join(root, 'tsconfig.json'),
  basePath: root,
  out: folder,
  name: 'API reference',
  readme: 'none',
  logLevel: LogLevel.Warn,
  // `npm run check` does that.
  skipErrorChecking: true,
  disableGit: true,
  disableSources: true,
  excludeExternals: true,
  // The platform's, under their own names.
  intentionallyNotExported: ['CryptoKey', 'CryptoKeyPair', 'JsonWebKey'],
  excludePrivate: true,
  excludeInternal: true,
  sortEntryPoints: false,
  // As the groups stand on the page, because anchors are counted in this order.
  sort: ['kind', 'required-first', 'source-order'],
  kindSortOrder: [
    'Function',
    'Variable',
    'Class',
    'Interface',
    'TypeAlias',
    'Constructor',
    'Property',
    'Method',
  ],
  groupOrder: ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases', '*'],
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: false },
  hideBreadcrumbs: true,
  hidePageHeader: true,
  expandObjects: true,
  expandParameters: true,
  parametersFormat: 'none',
  pageTitleTemplates: { module: ({ rawName }: { rawName: string }) => rawName },
} as Parameters<typeof Application.bootstrapWithPlugins>[0])

app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }: Context) => {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    const source = join(module.name)
      .replace(/^src\//, '')
      .replace(/^src$/, 'index')
    const name = entryPoints.get(`src/${source}.ts`) ?? entryPoints.get(`src/${source}/index.ts`)
    if (name === undefined) throw new Error(`${module.name} is no entry point`)
    module.name = name
  }
  nameFetch(project)
})

/** TypeScript loses the name of `Fetch`, an alias of `typeof fetch`, and TypeDoc then prints its overloads. */
function nameFetch(project: ProjectReflection): void {
  const alias = project
    .getReflectionsByKind(ReflectionKind.TypeAlias)
    .find(({ name }) => name === 'Fetch') as DeclarationReflection
  for (const property of project.getReflectionsByKind(ReflectionKind.Property) as DeclarationReflection[])
    if (isFetch(property.type)) {
      project.removeTypeReflections(property.type)
      property.type = ReferenceType.createResolvedReference('Fetch', alias, project)
    }
}

const isFetch = (type: SomeType | undefined): boolean =>
  type instanceof ReflectionType &&
  type.declaration.signatures?.length === 2 &&
  type.declaration.signatures.every(({ parameters }) => parameters?.[0]?.name === 'input')

const project = await app.convert()
if (project === undefined) throw new Error('TypeDoc found errors')
app.validate(project)
rmSync(folder, { recursive: true, force: true })
await app.generateOutputs(project)
if (jsonFile !== undefined) await app.generateJson(project, jsonFile)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
