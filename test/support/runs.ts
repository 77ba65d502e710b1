// What `npm test` runs, and on which runtime.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { programOf } from '../../scripts/program.ts'
import { root } from '../../scripts/start-state.ts'

export interface Run {
  name: string
  group: string
  /** Runs vitest. */
  runtime: readonly string[]
  project: string
  /** One of the shared suite, which must be the same everywhere. */
  shared?: true
}

/** All runs of this system. */
export function runsOn(platform: NodeJS.Platform = process.platform): readonly Run[] {
  const node = [process.execPath]
  const deno = [...programOf('deno'), 'run', '-A', '--unstable-kv']
  // Its name on every system.
  const bun = [join(root, 'node_modules/bun/bin/bun.exe'), '--bun']
  const shared = { project: 'shared', shared: true } as const
  return [
    { name: 'stores, adapters, hosts, package', group: 'hosts', runtime: node, project: 'node' },
    ...nodes(platform).map((run): Run => ({ group: 'node', ...run, ...shared })),
    { name: 'workerd', group: 'workerd', runtime: node, project: 'workerd', shared: true },
    {
      name: 'workerd, no nodejs_compat',
      group: 'workerd',
      runtime: node,
      project: 'workerd-plain',
      shared: true,
    },
    { name: 'deno', group: 'deno', runtime: deno, ...shared },
    { name: 'bun', group: 'bun', runtime: bun, ...shared },
    // Needs Chromium, so it runs only if it is asked for.
    { name: 'pages in Chromium', group: 'browser', runtime: node, project: 'browser' },
  ]
}

/** The packages that bring other Nodes exist for Linux; elsewhere it is the one that is installed. */
function nodes(platform: NodeJS.Platform): Pick<Run, 'name' | 'runtime'>[] {
  const own = { name: `node ${process.versions.node.split('.')[0]}`, runtime: [process.execPath] }
  if (platform !== 'linux') return [own]
  return [
    { name: 'node 20', runtime: [systemNode()] },
    { name: 'node 22', runtime: [join(root, 'tools/node-22/node_modules/.bin/node')] },
    own,
  ]
}

/** The first `node` on the path that is not one of ours: on the smallest supported machine, Node 20. */
function systemNode(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = folders.find((each) => !each.includes('node_modules') && existsSync(join(each, 'node')))
  return found === undefined ? process.execPath : join(found, 'node')
}
