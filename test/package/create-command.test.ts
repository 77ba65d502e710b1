// `npx tollgate create` at a terminal and with flags: what it asks, refuses, leaves behind.
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { createCommand } from '../../src/cli/create.ts'
import { run } from '../../src/cli/run.ts'
import { piped, typed, typedAt, type Result } from '../support/command.ts'
import { root } from '../support/create.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-create-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})
const target = (): string => join(folder, 'notes')

const create = (...flags: string[]): Promise<Result> => piped(['create', target(), '--no-install', ...flags])

/** A terminal at which the user is asked. */
const asked = (
  args: string[],
  ...steps: readonly (readonly [wait: string, keys: string])[]
): Promise<Result> => typed(['create', ...args, '--no-install'], ...steps)

test('create with --yes: the secrets in .env are real, private and nowhere else; the next steps are printed', async () => {
  const { code, stdout, stderr } = await create('--yes', '--host', 'node', '--store', 'memory')
  expect([code, stderr]).toEqual([0, `Made ${target()}.\n`])
  expect(stdout).toContain('npm install\n  npm start\n')
  const read = (file: string): string => readFileSync(join(target(), file), 'utf8')
  const env = read('.env')
  const [, secret] = /^TOLLGATE_SECRET=([\w-]{43})$/m.exec(env)!
  const [, hash] = /^OWNER_PASSWORD_HASH='(.*)'$/m.exec(env)!
  expect(() => passwordSignIn({ users: { owner: { hash: hash! } } })).not.toThrow()
  expect(statSync(join(target(), '.env')).mode & 0o077).toBe(0)
  const [, password] = /with the password ([\w-]{24})\n/.exec(stdout)!
  for (const file of readdirSync(target(), { recursive: true, encoding: 'utf8' })) {
    if (!statSync(join(target(), file)).isFile()) continue
    expect(read(file)).not.toContain(password)
    if (file !== '.env') expect(read(file)).not.toContain(secret)
  }
  expect(stdout + stderr).not.toContain('\x1b')
  expect(stdout).not.toContain(secret)
})

test('create: the step "cd" is what a shell takes, also with a space or a quote in the name', async () => {
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
  for (const [name, posix, windows] of [
    ['notes', 'cd notes', 'cd notes'],
    ['my notes', `cd 'my notes'`, 'cd "my notes"'],
    ["ada's", `cd 'ada'\\''s'`, `cd "ada's"`],
    ['$(x)', `cd '$(x)'`, 'cd "$(x)"'],
  ] as const) {
    const { stdout } = await piped(['create', name, '--yes', '--no-install'])
    expect(stdout).toContain(`\nNext:\n  ${process.platform === 'win32' ? windows : posix}\n`)
    expect(existsSync(join(folder, name, 'README.md'))).toBe(true)
  }
  vi.restoreAllMocks()
})

test('create: -h is --help', async () => {
  const { code, stdout } = await piped(['create', '-h'])
  expect([code, stdout]).toEqual([0, (await piped(['create', '--help'])).stdout])
  expect(stdout).toContain('-h, --help')
})

test('create: an empty name is not this folder', async () => {
  for (const name of ['', ' ']) {
    const { code, stderr } = await piped(['create', name, '--yes', '--no-install'])
    expect([code, stderr]).toEqual([2, 'error: The folder has no name; "." is this one.\n'])
  }
})

test('create at a terminal that says 0 columns: lines are not broken after each letter', async () => {
  const keys = ['Where do grants lie?', '\r'] as const
  const flags = ['create', target(), '--host', 'hono', '--auth', 'password', '--no-install']
  expect((await typedAt(0, flags, keys)).code).toBe(0)
})

test('create: git ignores the file with the secrets, and not its example', async () => {
  await create('--yes', '--host', 'workers')
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: target(), encoding: 'utf8' })
  git('init', '--quiet')
  const seen = git('ls-files', '--others', '--exclude-standard').split('\n')
  expect(seen).toContain('.dev.vars.example')
  expect(seen).not.toContain('.dev.vars')
})

test('create: two projects have different secrets', async () => {
  await create('--yes', '--auth', 'own-login', '--store', 'memory')
  const first = readFileSync(join(target(), '.env'), 'utf8')
  rmSync(target(), { recursive: true })
  await create('--yes', '--auth', 'own-login', '--store', 'memory')
  expect(readFileSync(join(target(), '.env'), 'utf8')).not.toBe(first)
})

test('create: what the user must fill in is named', async () => {
  const { code, stdout } = await create('--yes', '--provider', 'github', '--store', 'memory')
  expect(code).toBe(0)
  expect(stdout).toContain('First fill in .env: GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, ALLOWED_USERS.')
  expect(stdout).not.toContain('password')
})

test.each([
  [['--yes', '--host', 'workers', '--store', 'sqlite'], 'What fits: durable-object, d1.'],
  [['--yes', '--auth', 'upstream'], 'needs --provider: github,'],
  [['--yes', '--auth', 'external', '--provider', 'discord'], 'take --auth upstream'],
  [['--yes', '--host', 'fastify'], 'Allowed choices are node, workers,'],
  [['--yes', '--hots', 'node'], 'Did you mean --host?'],
  [[], 'add --yes'],
])('create refuses %j: 2, a sentence, and nothing is made', async (flags, says) => {
  const { code, stdout, stderr } = await create(...flags)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(says)
  expect(existsSync(target())).toBe(false)
})

test('create for Workers on a Node that Wrangler refuses: the end of the output and README say which it needs', async () => {
  const on = async (nodeVersion: string): Promise<Result> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    rmSync(target(), { recursive: true, force: true })
    const args = [target(), '--host', 'workers', '--yes', '--no-install']
    await createCommand({ stdin: Readable.from([]), stdout, stderr }, nodeVersion).parseAsync(args, {
      from: 'user',
    })
    return { code: 0, stdout: String(stdout.read()), stderr: String(stderr.read()) }
  }
  const says = 'Wrangler needs Node 22.12 or later'
  for (const version of ['20.20.2', '22.11.0'])
    expect((await on(version)).stdout).toContain(`\n${says}; this is ${version}.\n`)
  for (const version of ['22.12.0', '24.1.0']) expect((await on(version)).stdout).not.toContain('Wrangler')
  expect(readFileSync(join(target(), 'README.md'), 'utf8')).toContain(says)
  const { engines } = JSON.parse(readFileSync(join(target(), 'package.json'), 'utf8'))
  expect(engines).toEqual({ node: '>=22.12' })
})

test.each([
  'file:../tollgate-0.1.0.tgz',
  '../tollgate',
  './tollgate.tgz',
  'https://example.com/tollgate.tgz',
  'C:\\t.tgz',
])(
  'create for Deno refuses --tollgate %s, which Deno does not install: 2, and nothing is made',
  async (tollgate) => {
    const { code, stderr } = await create('--host', 'deno', '--yes', '--tollgate', tollgate)
    expect([code, existsSync(target())]).toEqual([2, false])
    expect(stderr).toContain(
      `Deno installs packages only from a registry: --tollgate must be a version; got "${tollgate}"`,
    )
    expect((await create('--host', 'deno', '--yes', '--tollgate', '>=0.1.0 <1 || next')).code).toBe(0)
  },
)

test('create never goes over what is there: 1, and the folder stays as it is', async () => {
  mkdirSync(target())
  writeFileSync(join(target(), 'thesis.txt'), 'mine')
  const { code, stderr } = await create('--yes')
  expect(code).toBe(1)
  expect(stderr).toContain('is not empty, and nothing in it was changed')
  expect(readdirSync(target())).toEqual(['thesis.txt'])
  rmSync(target(), { recursive: true })
  writeFileSync(target(), 'a file')
  expect((await create('--yes')).stderr).toContain('is a file')
  expect(readFileSync(target(), 'utf8')).toBe('a file')
})

test('create fills an empty folder, also one with a new repository', async () => {
  mkdirSync(join(target(), '.git'), { recursive: true })
  expect((await create('--yes', '--store', 'memory')).code).toBe(0)
  expect(existsSync(join(target(), 'src/notes.ts'))).toBe(true)
})

test('create: after an error nothing half-written is left, and the folder that was there still is', async () => {
  mkdirSync(target())
  const { writeProject } = await import('../../src/cli/create/write.ts')
  const files = new Map([
    ['a.txt', 'a'],
    ['src/b.txt', 'b'],
    ['src', 'a file with the name of a folder'],
  ])
  expect(() => writeProject(target(), files)).toThrow('nothing was left behind')
  expect(readdirSync(target())).toEqual([])
  expect(() => writeProject(join(target(), 'new/er'), files)).toThrow('nothing was left behind')
  expect(readdirSync(target())).toEqual([])
})

test('create: an installation that fails leaves a complete project, and says so', async () => {
  vi.stubEnv('PATH', folder)
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const args = ['create', target(), '--yes', '--store', 'memory']
  const code = await run(args, { stdin: Readable.from([]), stdout, stderr })
  vi.unstubAllEnvs()
  expect(code).toBe(1)
  expect(String(stderr.read())).toMatch(/"npm install" failed:[\s\S]*The project is complete/)
  expect(String(stdout.read())).toContain('  npm install\n  npm start\n')
  expect(existsSync(join(target(), 'src/server.ts'))).toBe(true)
})

test('create: Ctrl-C while it installs ends the installation: 130, and the project is complete', async () => {
  const npm = join(folder, 'npm')
  writeFileSync(npm, '#!/bin/sh\necho $$ > "$PID_FILE"\nexec sleep 60\n', { mode: 0o755 })
  const command = [join(root, 'src/cli/tollgate.ts'), 'create', 'notes', '--yes', '--store', 'memory']
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, PID_FILE: join(folder, 'npm.pid') }
  const child = spawn(process.execPath, command, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const pid = join(folder, 'npm.pid')
  await vi.waitFor(() => expect(readFileSync(pid, 'utf8')).toMatch(/\d+\n/), { timeout: 20_000 })
  child.kill('SIGINT')
  expect(await ended).toBe(130)
  expect(stderr).toMatch(/interrupted while installing[\s\S]*The project is complete/)
  expect(() => process.kill(Number(readFileSync(pid, 'utf8')), 0)).toThrow('ESRCH')
  expect(existsSync(join(target(), 'README.md'))).toBe(true)
})

const down = '\x1b[B'

test('create at a terminal: folder, host, authorization, provider, store', async () => {
  const { code, stdout, stderr } = await asked(
    [],
    ['Where shall', `${target()}\r`],
    ['What does it run on?', `${down}\r`],
    ['Who signs users in?', `${down}\r`],
    ['Which provider?', '\r'],
    ['Where do grants lie?', `${down}\r`],
  )
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('First fill in .dev.vars: GITHUB_CLIENT_ID')
  expect(readFileSync(join(target(), 'wrangler.toml'), 'utf8')).toContain('[[d1_databases]]')
  expect(readFileSync(join(target(), 'src/provider.ts'), 'utf8')).toContain('github({')
})

test('create at a terminal: a folder that is not empty is asked for again', async () => {
  mkdirSync(join(folder, 'full/of'), { recursive: true })
  const { code } = await asked(
    ['--host', 'bun', '--auth', 'own-login', '--store', 'memory'],
    ['Where shall', `${join(folder, 'full')}\r`],
    ['is not empty', `\x15${target()}\r`],
  )
  expect(code).toBe(0)
  expect(readdirSync(folder).sort()).toEqual(['full', 'notes'])
})

test('create at a terminal asks only for what the flags do not say', async () => {
  const flags = [target(), '--host', 'hono', '--auth', 'password']
  const { code, stderr } = await asked(flags, ['Where do grants lie?', '\r'])
  expect(code).toBe(0)
  expect(stderr).not.toMatch(/Where shall|What does|Who signs|Which provider/)
})

test.each([
  [0, 'Where shall', '\x03'],
  [1, 'What does it run on?', '\x03'],
  [2, 'Who signs users in?', '\x04'],
  [3, 'Where do grants lie?', '\x03'],
  [3, 'Where do grants lie?', '\x04'],
])('create: Ctrl-C or Ctrl-D at question %i, %s, %j: 130, and nothing is made', async (at, wait, key) => {
  const answers = [
    ['Where shall', `${target()}\r`],
    ['What does it run on?', '\r'],
    ['Who signs users in?', '\r'],
  ] as const
  const { code, stdout, stderr } = await asked([], ...answers.slice(0, at), [wait, key])
  expect([code, stdout]).toEqual([130, ''])
  expect(stderr).toContain('interrupted; nothing was made')
  expect(readdirSync(folder)).toEqual([])
})
