// `npx tollgate password`, at a terminal and in a pipe; what it prints is a user of passwordSignIn.
import { expect, test } from 'vitest'
import { passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { Rig } from '../support/as.ts'
import { piped, typed } from '../support/command.ts'
import { Browser } from '../support/pages.ts'

const password = 'correct horse battery'

const listeners = [process.listenerCount('SIGTERM'), process.listenerCount('SIGHUP')]

const hashLine = /^\$pbkdf2-sha256\$i=600000\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}\n$/

async function signsIn(line: string, with_: string, more = {}): Promise<boolean> {
  const signIn = passwordSignIn({ users: { ada: { hash: line.trim() } }, ...more })
  const browser = new Browser(new Rig({ signIn }))
  const page = await browser.get('/account')
  return (await browser.submit(page, { fields: { username: 'ada', password: with_ } })).status === 303
}

test('SI6 the terminal: asked twice, not shown; only the hash on stdout, and it signs in', async () => {
  const { code, stdout, stderr } = await typed(
    ['password'],
    ['New password', `${password}\r`],
    ['again', `${password}\r`],
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(hashLine)
  expect(stderr).toContain('New password')
  for (const word of password.split(' ')) expect(stdout + stderr).not.toContain(word)
  expect(await signsIn(stdout, password)).toBe(true)
  expect(await signsIn(stdout, `${password}!`)).toBe(false)
})

test('SI6 the terminal: a short password and a second one that differs are asked for again', async () => {
  // Ctrl-U clears what was typed.
  const { code, stdout } = await typed(
    ['password'],
    ['New password', 'short\r'],
    ['at least 15 characters', `\x15${password}\r`],
    ['again', 'correct horse\r'],
    ['differ', `\x15${password}\r`],
  )
  expect(code).toBe(0)
  expect(await signsIn(stdout, password)).toBe(true)
})

test.each([
  ['New password', '\x03'],
  ['New password', 'correct horse\x03'],
  ['again', '\x03'],
  ['New password', '\x04'],
  ['New password', 'correct horse\x04'],
  ['again', '\x04'],
  ['New password', 'end'],
  ['again', 'end'],
  ['New password', 'SIGTERM'],
  ['again', 'SIGHUP'],
] as const)(
  'SI6 Ctrl-C, Ctrl-D, the end or a signal at %j: %j (%#): 130, nothing on stdout',
  async (wait, keys) => {
    const first = wait === 'again' ? [['New password', `${password}\r`] as const] : []
    const { code, stdout, stderr } = await typed(['password'], ...first, [wait, keys])
    expect([code, stdout]).toEqual([130, ''])
    expect(stderr).toContain('interrupted')
    // The cursor is shown again, and no listener stays.
    expect(stderr.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stderr.lastIndexOf('\x1b[?25l'))
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGHUP')]).toEqual(listeners)
  },
)

test.each([
  ['a line', `${password}\n`],
  ['a line of Windows', `${password}\r\n`],
  ['no line break', password],
])('SI6 a pipe: %s', async (_, input) => {
  const { code, stdout, stderr } = await piped(['password'], input)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(hashLine)
  expect(await signsIn(stdout, password)).toBe(true)
})

test('SI6 wrong iterations are said before the password is read', async () => {
  const { code, stderr } = await piped(['password', '--iterations', '99999999'], 'short')
  expect([code, stderr]).toEqual([2, expect.stringContaining('`iterations` must be')])
})

test('SI6 fewer iterations, for Workers', async () => {
  const { stdout } = await piped(['password', '--iterations', '100000'], password)
  expect(stdout).toMatch(/^\$pbkdf2-sha256\$i=100000\$/)
  expect(await signsIn(stdout, password, { dangerouslyFewIterations: true })).toBe(true)
})

test.each([
  ['empty', '', 'at least 15 characters'],
  ['short', 'Zoë’s paß 🔑\n', 'got 11'],
  ['several lines', `${password}\n${password}\n`, 'one line'],
  ['long', 'x'.repeat(1001), 'at most 1000'],
  ['endless', 'x'.repeat(100_000), 'at most 1000'],
])(
  'SI6 a pipe with a password that is %s: 1, nothing on stdout, and the password in no message',
  async (_, input, says) => {
    const { code, stdout, stderr } = await piped(['password'], input)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(says)
    if (input.length > 1) expect(stderr).not.toContain(input.slice(0, 20).trim())
  },
)

test.each([
  [[], 'Usage: tollgate'],
  [['pasword'], 'Did you mean password?'],
  [['nothing-like-it'], "unknown command 'nothing-like-it'"],
  [['password', 'secret'], 'too many arguments'],
  [['password', '--iteration', '1'], 'Did you mean --iterations?'],
  [['password', '--iterations', 'many'], 'must be a whole number'],
  [['password', '--iterations', '5'], '100000 to 10000000; got 5'],
  [['password', '--iterations', '99999999'], '100000 to 10000000; got 99999999'],
])('SI6 wrong usage is 2, on stderr: %j', async (args, says) => {
  const { code, stdout, stderr } = await piped(args, password)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(says)
})

test('SI6 help and version: 0, on stdout', async () => {
  for (const args of [['--help'], ['password', '--help'], ['help'], ['help', 'password']]) {
    const { code, stdout, stderr } = await piped(args)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Usage: tollgate[\s\S]*Examples:/)
  }
  for (const flag of ['--version', '-v'])
    expect(await piped([flag])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
      stderr: '',
    })
})
