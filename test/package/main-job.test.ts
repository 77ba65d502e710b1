// `npm start` and `npm run demo`, as they are typed (without the build, which has been done), in both modes; and that nothing is left behind.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../support/runtime-port.ts'

const root = join(import.meta.dirname, '../..')
const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGINT')
})

interface Run {
  child: ChildProcess
  output(): string
  /** Resolves when the output contains this. */
  says(text: string): Promise<void>
  ended: Promise<number | null>
}

function run(script: string, ...args: string[]): Run {
  const child = spawn(process.execPath, [join(root, 'scripts', script), ...args], { cwd: root })
  running.push(child)
  let output = ''
  const waiting: (() => void)[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const wake of waiting) wake()
    })
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code, signal) => {
      if (signal !== null) output += `(${signal})`
      resolve(code)
    }),
  )
  return {
    child,
    output: () => output,
    says: (text) =>
      new Promise((resolve, reject) => {
        waiting.push(() => output.includes(text) && resolve())
        void ended.then(() => reject(new Error(`it ended without saying "${text}":\n${output}`)))
      }),
    ended,
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  )

test.each([
  ['internal', []],
  ['external', ['--external']],
])('the main job, %s: start, demo, Ctrl-C', { timeout: 120_000 }, async (mode, flags) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const start = run('start.ts', '--no-build', '--port', String(port), ...flags)
  await start.says('Ctrl-C ends everything.')
  expect(start.output()).toContain(url)
  const [, issuer] = /authorization server\s+(http\S+)/.exec(start.output())!

  const demo = run('demo.ts', '--url', url)
  expect(await demo.ended, demo.output()).toBe(0)
  for (const step of [
    `POST /mcp → 401  scope "notes:read${mode === 'internal' ? ' notes:write' : ''}"`,
    'scope of the token: notes:read\n',
    'tools: list_notes, read_note, write_note',
    'POST /mcp → 403  insufficient_scope, scope "notes:read notes:write"',
    'scope of the token: notes:read notes:write',
    'Wrote "Demo".',
    'Done: every step did what it should.',
  ])
    expect(demo.output()).toContain(step)
  if (mode === 'internal') {
    expect(demo.output()).toContain('POST /register → 201')
    const asDocument = run('demo.ts', '--url', url, '--document')
    expect(await asDocument.ended, asDocument.output()).toBe(0)
    expect(asDocument.output()).toContain('Done: every step did what it should.')
    expect(asDocument.output()).not.toContain('/register')
  }

  start.child.kill('SIGINT')
  expect(await start.ended).toBe(0)
  expect([await answers(url), await answers(issuer!)]).toEqual([false, false])
})

test.each(['password', 'upstream'])(
  'the main job, --%s: start, demo through that sign-in, Ctrl-C',
  { timeout: 120_000 },
  async (mode) => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/mcp`
    const start = run('start.ts', '--no-build', '--port', String(port), `--${mode}`)
    await start.says('Ctrl-C ends everything.')
    const demo = run('demo.ts', '--url', url, `--${mode}`)
    expect(await demo.ended, demo.output()).toBe(0)
    const [, provider] = /identity provider (http:\/\/[^,]+),/.exec(start.output()) ?? []
    for (const step of mode === 'password'
      ? ['page "Sign in · ']
      : [
          `page "Sign-in" at ${provider}/interaction/`,
          'tools: list_notes, read_note, write_note, who_am_i',
          '{"sub":"demo","name":"demo"}',
        ])
      expect(demo.output()).toContain(step)
    expect(demo.output()).toContain('Done: every step did what it should.')
    // The password is for whoever sees this terminal.
    const [, password] = /with the password (\S+)\)/.exec(start.output()) ?? []
    if (mode === 'password') expect(demo.output()).not.toContain(password)

    const other = run('demo.ts', '--url', url, mode === 'password' ? '--upstream' : '--password')
    expect(await other.ended).toBe(1)
    expect(other.output()).toContain('was not started with "npm start -- --')

    start.child.kill('SIGINT')
    expect(await start.ended).toBe(0)
    for (const each of [url, provider ?? url]) expect(await answers(each)).toBe(false)
  },
)

test('a demo that starts a server of its own ends it, also by Ctrl-C', { timeout: 120_000 }, async () => {
  for (const signal of [undefined, 'SIGINT'] as const) {
    const demo = run('demo.ts', '--upstream', '--no-build')
    await demo.says('An MCP client meets')
    const [url] = /http:\/\/127\S+/.exec(demo.output())!
    expect(await answers(url)).toBe(true)
    if (signal !== undefined) demo.child.kill(signal)
    expect(await demo.ended, demo.output()).toBe(signal === undefined ? 0 : 130)
    expect(await answers(url)).toBe(false)
  }
})

test('Ctrl-C while it starts leaves nothing behind', { timeout: 60_000 }, async () => {
  const port = await freePort()
  const start = run('start.ts', '--no-build', '--port', String(port))
  await start.says('Starting workerd…')
  start.child.kill('SIGINT')
  expect(await start.ended).toBe(0)
  expect(start.output()).not.toContain('Error')
  expect(await answers(`http://127.0.0.1:${port}/mcp`)).toBe(false)
})

test('a demo without a server says what to do', async () => {
  const demo = run('demo.ts', '--url', `http://127.0.0.1:${await freePort()}/mcp`)
  expect(await demo.ended).toBe(1)
  expect(demo.output()).toContain('run "npm start"')
})

test.each([
  ['start.ts', ['--port', 'x'], '--port must be a number from 1 to 65000; got "x".'],
  ['start.ts', ['--pasword'], "Unknown option '--pasword'."],
  ['start.ts', ['--password', '--upstream'], '--password and --upstream exclude each other'],
  ['start.ts', ['--external', '--password'], '--external and --password exclude each other'],
  ['demo.ts', ['--password', '--upstream'], '--password and --upstream exclude each other'],
  ['demo.ts', ['here'], "Unexpected argument 'here'."],
])('a wrong flag is a sentence and 2: %s %j', async (script, flags, says) => {
  const wrong = run(script, ...flags)
  expect(await wrong.ended).toBe(2)
  expect(wrong.output()).toContain(says)
  expect(wrong.output()).not.toMatch(/ {4}at /)
})

test(
  'the independent server leaves the port alone that the MCP server was told',
  { timeout: 120_000 },
  async () => {
    const start = run('start.ts', '--no-build', '--port', '8788', '--external')
    await start.says('Ctrl-C ends everything.')
    const [server, issuer] = [...start.output().matchAll(/server\s+(http:\/\/127\.0\.0\.1:\d+)/g)].map(
      ([, url]) => url,
    )
    expect(server).toBeDefined()
    expect(issuer).toBeDefined()
    expect(issuer).not.toBe(server)
    start.child.kill('SIGINT')
    expect(await start.ended).toBe(0)
  },
)
