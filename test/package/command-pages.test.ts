// The documents name the flags that the command `tollgate` has, and each flag is documented.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { expect, test } from 'vitest'

import { createCommand } from '../../src/cli/create.ts'
import { passwordCommand } from '../../src/cli/password.ts'
import { filesBelow } from '../support/files-below.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const commands = [createCommand(process), passwordCommand(process)].map((command) => ({
  name: command.name(),
  flags: command.options.map(({ long }) => long!),
}))

const documents = [
  ...filesBelow(root, ['docs', 'examples', 'skills', '.github'], /\.(?:md|yml)$/),
  ...['README.md', 'AGENTS.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  // What the commands print, and what a created project says about them.
  ...filesBelow(root, ['src/cli'], /\.ts$/),
]

const flagsIn = (text: string): string[] => text.match(/(?<![\w-])--[a-z][\w-]*/g) ?? []

test.each(commands)('each flag that a document gives `tollgate $name` exists', ({ name, flags }) => {
  const calls = documents.flatMap((file) =>
    [...read(file).matchAll(new RegExp(`\\btollgate ${name}\\b[^\`|"\\n]*`, 'g'))].map(([call]) => ({
      file,
      call,
    })),
  )
  expect(calls.length).toBeGreaterThan(3)
  const unknown = calls.flatMap(({ file, call }) =>
    flagsIn(call)
      .filter((flag) => !flags.includes(flag))
      .map((flag) => `${file}: ${flag}`),
  )
  expect(unknown).toEqual([])
})

test('the page of `tollgate create` names its flags, each in the table, and no other', () => {
  const page = read('docs/guide/create.md')
  const { flags } = commands.find(({ name }) => name === 'create')!
  const listed = [...page.split('\n## ')[0]!.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, flag]) => flag!)
  expect(listed.toSorted()).toEqual(flags.toSorted())
  const known = commands.flatMap((command) => command.flags)
  expect(flagsIn(page).filter((flag) => !known.includes(flag))).toEqual([])
})

test('each flag of `tollgate password` is documented', () => {
  const { flags } = commands.find(({ name }) => name === 'password')!
  const guide = read('docs/guide/authorization-server.md')
  expect(flags.filter((flag) => !flagsIn(guide).includes(flag))).toEqual([])
})
