// A package registry on this machine: our packed package and, beside it, only the versions of our lock files. So no release of a dependency changes a test.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { npm, packInto } from './npm.ts'

const root = join(import.meta.dirname, '../..')
const lockFiles = ['package-lock.json', 'examples/next/package-lock.json']
/** Types that no lock file of ours has, and no program runs: the newest. */
const unlocked = ['@types/bun', 'bun-types']

/** What lock files and registries say alike. */
interface Version {
  readonly version: string
  readonly integrity?: string
  readonly [more: string]: unknown
}

/** `folder`: for the packed package. */
export async function startLockRegistry(
  folder: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const packages = lockedVersions()
  const tarball = packInto(folder)
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Version & { name: string }
  const hash = createHash('sha512').update(readFileSync(tarball)).digest('base64')
  packages.set(own.name, new Map([[own.version, { ...own, integrity: `sha512-${hash}` }]]))
  const files = new Map([[`${own.name}/-/${basename(tarball)}`, tarball]])
  const cache = npm('config', 'get', 'cache').trim()
  for (const [name, versions] of packages)
    for (const { version, integrity } of versions.values()) {
      const file = name === own.name ? tarball : cachedFile(cache, integrity!)
      if (existsSync(file)) files.set(tarballPath(name, version), file)
    }
  const upstream = npm('config', 'get', 'registry').trim()

  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.slice(1))
    const versions = packages.get(path)
    const file = files.get(path)
    response.setHeader('cache-control', 'no-store')
    if (file !== undefined) response.end(readFileSync(file))
    else if (versions !== undefined)
      response.end(JSON.stringify(packument(path, versions, `http://${request.headers.host}/`)))
    else if (path.includes('/-/') || unlocked.includes(path))
      response.writeHead(302, { location: new URL(request.url!.slice(1), upstream).href }).end()
    else response.writeHead(404).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** By name and version. */
function lockedVersions(): Map<string, Map<string, Version>> {
  const found = new Map<string, Map<string, Version>>()
  for (const file of lockFiles) {
    const { packages } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      packages: Record<string, Version>
    }
    for (const [path, entry] of Object.entries(packages)) {
      // Not the repository itself, and no link within it.
      if (entry.integrity === undefined) continue
      const name = path.split('node_modules/').at(-1)!
      found.set(name, (found.get(name) ?? new Map<string, Version>()).set(entry.version, entry))
    }
  }
  return found
}

/** Where npm keeps what it has downloaded, as the installation of this repository did. */
function cachedFile(cache: string, integrity: string): string {
  const [algorithm = '', hash = ''] = integrity.split('-')
  const name = Buffer.from(hash, 'base64').toString('hex')
  return join(cache, '_cacache/content-v2', algorithm, name.slice(0, 2), name.slice(2, 4), name.slice(4))
}

const tarballPath = (name: string, version: string): string => `${name}/-/${basename(name)}-${version}.tgz`

function packument(name: string, versions: ReadonlyMap<string, Version>, origin: string): object {
  const all = [...versions].map(([version, { integrity, ...entry }]) => {
    const dist = { tarball: origin + tarballPath(name, version), integrity }
    return [version, { name, ...entry, dist }] as const
  })
  return { name, 'dist-tags': { latest: all[0]![0] }, versions: Object.fromEntries(all) }
}
