import { gzipSync } from 'node:zlib'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../../src')
const files = ['store', 'cache'].flatMap((room) =>
  readdirSync(join(src, room))
    .filter((file) => !file.endsWith('.d.ts') && file !== 'contract.ts')
    .map((file) => `${room}/${file}`),
)

test('there are seven stores and three caches', () => {
  expect(files).toHaveLength(10)
})

test.each(files)('a driver is at most 2 kB, minified and compressed: %s', async (file) => {
  const { outputFiles } = await build({
    stdin: { contents: `import * as all from './${file}'; globalThis.all = all`, resolveDir: src },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['cloudflare:*'],
    write: false,
  })
  const { length } = gzipSync(outputFiles[0]!.contents)
  expect(length).toBeLessThanOrEqual(2000)
  // Nothing of a client library, which the caller passes in.
  expect(length).toBeGreaterThan(200)
})
