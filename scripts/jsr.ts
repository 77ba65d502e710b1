// `node scripts/jsr.ts`: writes jsr.json from package.json, which decides. JSR takes the sources, and has no commands.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './start-state.ts'

interface Manifest {
  version: string
  license: string
  exports: Readonly<Record<string, { default: string }>>
  peerDependencies: Readonly<Record<string, string>>
}

/** The text of jsr.json. */
export function jsrManifest(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const sourceOf = (file: string): string => file.replace(/^\.\/dist\/(.*)\.js$/, './src/$1.ts')
  const openTelemetry = '@opentelemetry/api'
  const jsr = {
    name: '@tollgate-mcp/tollgate',
    version: manifest.version,
    license: manifest.license,
    exports: Object.fromEntries(
      Object.entries(manifest.exports)
        // Its framework runs on Node, and comes from npm.
        .filter(([subpath]) => subpath !== './mcp-framework')
        .map(([subpath, file]) => [subpath, sourceOf(file.default)]),
    ),
    // JSR reads dependencies from package.json, and of this peer would take the version of our tests.
    imports: { [openTelemetry]: `npm:${openTelemetry}@${manifest.peerDependencies[openTelemetry]}` },
    publish: {
      include: ['src', 'README.md', 'LICENSE', 'CHANGELOG.md'],
      exclude: ['src/cli', 'src/adapter/mcp-framework', 'src/store/cloudflare-workers.d.ts'],
    },
  }
  return `${JSON.stringify(jsr, undefined, 2)}\n`
}

if (import.meta.filename === process.argv[1]) writeFileSync(join(root, 'jsr.json'), jsrManifest())
