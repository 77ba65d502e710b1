// U16: what is in the package, and that its README stands alone on npm.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { npm } from '../support/npm.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const below = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
const manifest = JSON.parse(read('package.json')) as {
  name: string
  homepage: string
  bugs: string
  repository: { type: string; url: string }
}
const address = 'https://github.com/tollgate-mcp/tollgate'

interface Packed {
  size: number
  unpackedSize: number
  files: { path: string }[]
}
let packed: Packed

beforeAll(() => {
  const output = npm('pack', '--dry-run', '--json', '--ignore-scripts')
  packed = (Object.values(JSON.parse(output) as Packed[]) as [Packed])[0]
})

test('U16 the package has the build of each source, the templates, the skills and four documents, and nothing else', () => {
  const build = below('src')
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => file.replace(/^src\/(.*)\.ts$/, 'dist/$1'))
    .flatMap((file) => [`${file}.d.ts`, `${file}.js`])
  const tracked = execFileSync('git', ['ls-files', 'examples/create', 'skills'], {
    cwd: root,
    encoding: 'utf8',
  })
  const expected = [
    ...build,
    ...tracked.trim().split('\n'),
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'package.json',
  ]
  // What is too much here is left over from an earlier build: `npm run build`.
  expect(packed.files.map(({ path }) => path).sort()).toEqual(expected.sort())
})

test('U16 no source map points at a source that is not shipped', () => {
  const files = below('dist').filter((file) => /\.js$|\.d\.ts$/.test(file))
  expect(files.length).toBeGreaterThan(500)
  expect(files.filter((file) => /^\/\/# sourceMappingURL=/m.test(read(file)))).toEqual([])
})

test('the package is small', () => {
  // Measured: 545 kB, 1.75 MB unpacked; half of it are declarations with their doc comments.
  expect(packed.size).toBeLessThan(600_000)
  expect(packed.unpackedSize).toBeLessThan(1_950_000)
})

describe('U16 one address', () => {
  test('package.json names the repository as npm and GitHub Actions compare it', () => {
    expect(manifest).toMatchObject({
      homepage: `${address}#readme`,
      bugs: `${address}/issues`,
      repository: { type: 'git', url: `git+${address}.git` },
    })
  })

  test('no file names another one', () => {
    const files = execFileSync('git', ['ls-files', '*.md', '*.yml', '*.json', '*.ts', '*.toml', ':!test'], {
      cwd: root,
      encoding: 'utf8',
    })
    const found = files
      .trim()
      .split('\n')
      .flatMap((file) =>
        [...read(file).matchAll(/github\.com\/[\w-]+\/tollgate\b/g)].map(
          ([url]) => `${file}: https://${url}`,
        ),
      )
    expect(found.length).toBeGreaterThan(2)
    expect(found.filter((each) => !each.endsWith(`: ${address}`))).toEqual([])
  })
})

describe('U16 README.md on npm', () => {
  const text = read('README.md').replaceAll(/^```[\s\S]*?^```/gm, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  const relative = targets.filter((target) => !/^https:\/\/|^#/.test(target))

  // npm turns relative links and images of a GitHub repository into links to it, in Markdown and from the root.
  test('each relative link and image leads to a file of the repository', () => {
    expect(relative.length).toBeGreaterThan(10)
    expect(relative.filter((target) => /^\/|^\.\.?\/|^\w+:/.test(target))).toEqual([])
    expect(relative.filter((target) => !existsSync(join(root, target.replace(/#.*/, ''))))).toEqual([])
  })

  test('no link or image is HTML, of which npm rewrites the first one only', () => {
    expect(text.match(/<(?:img|a|picture|source|video)\b[^>]*>/gi)).toBe(null)
  })
})
