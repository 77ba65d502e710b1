// Everything that is stored or sealed goes through a codec, and each kind of record has a fixture that is read for ever.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow } from '../support/files-below.ts'

const root = join(import.meta.dirname, '../..')
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const sources = filesBelow(root, ['src'], /\.ts$/)

/** The names of cases in a table, and of tests. */
const names = /^ {2}(?:'([^']+)'|(\w+)): \{$|^ *test\('([^']+)'/gm

test('every kind of record has a case or a test in a versions.test.ts', () => {
  const kinds = sources.flatMap((file) =>
    [...textOf(file).matchAll(/\b(?:recordCodec|storedCodec)<[^(]*>\(\s*'([^']+)'/g)].map(
      ([, kind]) => kind!,
    ),
  )
  const tests = filesBelow(root, ['test'], /(^|\/)versions\.test\.ts$/).flatMap((file) =>
    [...textOf(file).matchAll(names)].map((found) => found.slice(1).find((name) => name !== undefined)!),
  )
  expect(kinds.length).toBeGreaterThan(15)
  expect(new Set(kinds).size).toBe(kinds.length)
  const reads = (name: string, kind: string): boolean =>
    name === kind || new RegExp(`^an? ${kind}:`).test(name)
  expect(kinds.filter((kind) => !tests.some((name) => reads(name, kind)))).toEqual([])
})

/** These seal what another module has encoded. */
const sealers = ['src/lib/codec.ts', 'src/lib/authenticated-cache.ts', 'src/client/storage/store-storage.ts']

test('nothing is sealed without a codec', () => {
  const offenders = sources.filter((file) => /\.seal\(\s*(?:'|purpose)/.test(textOf(file)))
  expect(offenders.filter((file) => !sealers.includes(file))).toEqual([])
  expect(offenders.length).toBeGreaterThan(1)
})

/** Part of another record. */
const parts = ['props', 'upstream', 'signing key']

test('docs/storage.md says of every stored record how long it lives, and what a reader learns', () => {
  const kinds = sources
    .filter((file) => file.startsWith('src/authorization-server/'))
    .flatMap((file) =>
      [...textOf(file).matchAll(/\bstoredCodec<[^(]*>\(\s*'([^']+)'/g)].map(([, kind]) => kind!),
    )
    .filter((kind) => !parts.includes(kind))
  const text = textOf('docs/storage.md')
  const recordsOf = (heading: string): string[] => {
    const table = text
      .slice(text.indexOf(heading))
      .split('\n\n')
      .find((each) => /^\| record/i.test(each))!
    return table
      .split('\n')
      .slice(2)
      .flatMap((row) => row.split('|')[1]!.trim().split(', '))
  }
  expect(kinds.length).toBeGreaterThan(6)
  expect(recordsOf('## What lies in there').toSorted()).toEqual(kinds.toSorted())
  expect(recordsOf('### What a reader learns').toSorted()).toEqual(kinds.toSorted())
})
