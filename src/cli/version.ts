import { readFileSync } from 'node:fs'

/** Of the package: two folders above this file, in `src` as in `dist`. */
export function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
