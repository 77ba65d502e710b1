// Runs a script of this repository: `node scripts/run.mjs scripts/start.ts`. It is JavaScript, because a Node that cannot run TypeScript must be able to say so.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const runsTypeScript = major >= 24 || (major === 22 && minor >= 18) || (major === 23 && minor >= 6)
if (!runsTypeScript) {
  console.error(
    `The scripts of this repository need Node 22.18 or later; this is ${process.versions.node}. ` +
      'On Linux, "npm ci" brings one; elsewhere install it from https://nodejs.org.',
  )
  process.exit(1)
}
// The script sees itself as the program.
const [node, , script = '', ...rest] = process.argv
process.argv = [node, resolve(script), ...rest]
await import(pathToFileURL(process.argv[1]).href)
