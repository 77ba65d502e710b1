// Windows and macOS: what users run takes no shell, no signal and no path that only Linux has. Where a branch depends on the system,
// the test passes the system.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { signalTree, treeOptions } from '../../scripts/process-tree.ts'
import { npmProgram, programOf } from '../../scripts/program.ts'
import { whileOpenElsewhere } from '../../src/adapter/node-busy.ts'
import { install } from '../../src/cli/create/install.ts'
import { runsOn } from '../support/runs.ts'

const root = join(import.meta.dirname, '../..')
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-systems-'))
  folders.push(folder)
  return folder
}

describe('known traps', () => {
  /** What it is, what finds it, and a line that has it. */
  const traps: [name: string, pattern: RegExp, sample: string][] = [
    ['a folder of Linux', /['"`](?:\/tmp|\/bin|\/usr|\/dev|\/etc)\//, "const file = '/tmp/x'"],
    ['a shell', /\b(?:bash|sh) -\w*c\b|['"]\/?(?:bin\/)?(?:ba)?sh['"]/, "spawn('bash', [])"],
    ['a script of the shell', /node_modules\/\.bin|['"]\.bin['"]/, "join(root, 'node_modules/.bin/tsc')"],
    [
      'npm or npx without a shell',
      /(?:spawn|exec|execFile)(?:Sync)?\(\s*['"](?:npm|npx)['"]/,
      "spawn('npm', ['ci'])",
    ],
    ['a process group', /\.?\bkill\(\s*-/, 'process.kill(-child.pid!)'],
    ['a path of a file URL', /import\.meta\.url\)\.pathname/, "new URL('x', import.meta.url).pathname"],
    ['a path as a module', /\bimport\((?:join|resolve)\(/, "await import(join(root, 'x.js'))"],
    ['SIGTERM without Ctrl-C', /\.on(?:ce)?\(\s*['"]SIGTERM['"]/, "process.on('SIGTERM', end)"],
    [
      'what Windows has not',
      /\bimport\b[^'"]*\b(?:getuid|geteuid|getgid|getegid|getgroups|setuid|umask)\b[^'"]*from ['"]node:process/,
      "import { getuid } from 'node:process'",
    ],
  ]
  const files = ['src', 'scripts', 'examples', 'test/run.ts', 'test/support/npm.ts', 'test/support/runs.ts']
    .flatMap((path) => (path.endsWith('.ts') ? [path] : below(path)))
    .filter((file) => /\.(?:ts|tsx|mjs|js)$/.test(file))

  function below(folder: string): string[] {
    return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      if (entry.name === 'node_modules' || entry.name.startsWith('.next')) return []
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? below(path) : [path]
    })
  }
  /** Each says itself why. */
  const allowed = [
    // Another Node is there on Linux only.
    "test/support/runs.ts: { name: 'node 22', runtime: [join(root, 'tools/node-22/node_modules/.bin/node')] },",
    'scripts/process-tree.ts: system.kill(-pid, signal)',
  ]

  test.each(traps)('%s', (_, pattern, sample) => {
    expect(sample).toMatch(pattern)
    expect(files.length).toBeGreaterThan(450)
    const found = files.flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .filter((line) => pattern.test(line) && !/^\s*(?:\/\/|\*|\/\*)/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    )
    expect(found.filter((each) => !allowed.includes(each))).toEqual([])
  })

  test('scripts of package.json need no shell of their own', () => {
    const manifests = ['package.json', ...below('examples').filter((file) => file.endsWith('package.json'))]
    const scripts = manifests.flatMap((file) =>
      Object.entries(
        (JSON.parse(readFileSync(join(root, file), 'utf8')) as { scripts?: object }).scripts ?? {},
      ).map(([name, script]) => `${file} ${name}: ${script}`),
    )
    expect(scripts.length).toBeGreaterThan(30)
    // Windows has no such commands, no variables before a command, and no single quotes.
    const posix = /(?:: |&& |; )(?:[A-Z_]+=|(?:rm|cp|mv|mkdir|export|cat|chmod|bash|sh) )|^[^"]*'|\$\(|\.sh\b/
    expect('x: NODE_ENV=production node x').toMatch(posix)
    expect('x: rm -rf dist').toMatch(posix)
    expect(scripts.filter((each) => posix.test(each))).toEqual([])
  })

  test('git gives every file the line ends of the repository', () => {
    expect(readFileSync(join(root, '.gitattributes'), 'utf8')).toMatch(/^\* text=auto eol=lf$/m)
    const tracked = execFileSync('git', ['ls-files', '--eol'], { cwd: root, encoding: 'utf8' })
    expect(tracked.split('\n').filter((line) => /\bi\/(?:crlf|mixed)\b/.test(line))).toEqual([])
  })
})

describe('programs', () => {
  const windows = { platform: 'win32', execPath: 'C:\\Program Files\\nodejs\\node.exe' } as const
  const npmCli = 'C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js'

  test.each<[string, Parameters<typeof npmProgram>[0] & object, readonly string[]]>([
    [
      'Windows, in a script of npm',
      { ...windows, env: { npm_execpath: npmCli } },
      [windows.execPath, npmCli],
    ],
    ['Windows, by hand', { ...windows, env: {} }, [windows.execPath, npmCli]],
    [
      'in a script of another package manager',
      { ...windows, env: { npm_execpath: 'C:\\pnpm.cjs' } },
      [windows.execPath, npmCli],
    ],
    ['macOS, by hand', { platform: 'darwin', execPath: '/usr/local/bin/node', env: {} }, ['npm']],
  ])('npm on %s', (_, system, program) => {
    expect(npmProgram(system)).toEqual(program)
  })

  test('npm runs', () => {
    const [command, ...before] = npmProgram()
    expect(execFileSync(command, [...before, '--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+/)
  })

  test.each([
    ['typescript', 'tsc', /^Version 6/],
    ['deno', 'deno', /^deno 2/],
    ['prettier', 'prettier', /^3/],
  ])('a command of %s runs without its shell script', (name, command, version) => {
    const [node, file] = programOf(name, command)
    expect(execFileSync(node, [file, '--version'], { encoding: 'utf8' })).toMatch(version)
  })

  test('npm test: other Nodes are there on Linux only; each runtime is a file', () => {
    const nodesOn = (platform: NodeJS.Platform): string[] =>
      runsOn(platform)
        .filter(({ group }) => group === 'node')
        .map(({ name }) => name)
    const own = `node ${process.versions.node.split('.')[0]}`
    expect(nodesOn('linux')).toEqual(['node 20', 'node 22', own])
    for (const platform of ['darwin', 'win32'] as const) {
      expect(nodesOn(platform)).toEqual([own])
      const groups = (on: NodeJS.Platform): string[] => [...new Set(runsOn(on).map(({ group }) => group))]
      expect(groups(platform)).toEqual(groups('linux'))
    }
    for (const { runtime, group } of runsOn('win32'))
      expect(
        spawnSync(runtime[0]!, group === 'deno' ? [runtime[1]!, '--version'] : ['--version']).status,
      ).toBe(0)
  })
})

describe('processes', () => {
  test('Windows: the tree is ended by its own command, not through the path, and gets no window', () => {
    const run = vi.fn()
    const kill = vi.fn()
    signalTree(42, 'SIGTERM', { platform: 'win32', kill, run })
    expect(run.mock.calls).toEqual([
      [expect.stringMatching(/\\System32\\taskkill\.exe$/), ['/pid', '42', '/t', '/f']],
    ])
    expect(kill).not.toHaveBeenCalled()
    expect([treeOptions('win32'), treeOptions('darwin')]).toEqual([{ detached: false }, { detached: true }])
  })

  test(
    'elsewhere: a child and what it started end; one that never started is no error',
    { timeout: 30_000 },
    async () => {
      signalTree(undefined, 'SIGTERM')
      const grandchild = `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }); console.log(child.pid)`
      const child = spawn(process.execPath, ['-e', grandchild], {
        ...treeOptions(),
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const closed = new Promise((resolve) => child.once('close', resolve))
      await new Promise((resolve) => child.stdout.once('data', resolve))
      signalTree(child.pid, 'SIGTERM')
      // `close` waits for the grandchild, which has the same output.
      await closed
      signalTree(child.pid, 'SIGKILL')
    },
  )

  test(
    'npm start ends when what has started it is gone, even if that was killed',
    { timeout: 60_000 },
    async () => {
      const child = spawn(
        process.execPath,
        [join(root, 'scripts/start.ts'), '--no-build', '--port', '18700', '--password'],
        {
          cwd: root,
          env: { ...process.env, TOLLGATE_STATE_FILE: join(temporary(), 'state.json') },
          stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
        },
      )
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await new Promise((resolve) => child.stdout!.once('data', resolve))
      child.disconnect()
      expect(await ended).toBe(0)
    },
  )
})

describe('a Node that is too old', () => {
  const run = (version: string, ...args: string[]): ReturnType<typeof spawnSync> => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
    const options = { cwd: root, encoding: 'utf8' } as const
    return spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(older)}`, 'scripts/run.mjs', ...args],
      options,
    )
  }

  test.each(['20.19.5', '22.17.1', '23.5.0'])('%s: one sentence, and exit code 1', (version) => {
    const { status, stdout, stderr } = run(version, 'scripts/start.ts', '--help')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      `The scripts of this repository need Node 22.18 or later; this is ${version}. ` +
        'On Linux, "npm ci" brings one; elsewhere install it from https://nodejs.org.\n',
    )
  })

  test.each(['22.18.0', '23.6.0', '24.0.0', '26.1.0'])('%s runs the script, with its flags', (version) => {
    const { status, stdout } = run(version, 'scripts/start.ts', '--help')
    expect(status).toBe(0)
    expect(stdout).toContain('npm start -- [options]')
  })

  test('each script of package.json goes through it', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const typescript = Object.values(scripts).filter((script) => /\.ts\b/.test(script))
    expect(typescript.length).toBeGreaterThan(10)
    expect(typescript.filter((script) => !/node scripts\/run\.mjs \S+\.ts/.test(script))).toEqual([])
  })
})

describe('files', () => {
  test.each(['EPERM', 'EACCES', 'EBUSY'])(
    'Windows: %s, because another process has the file open, is tried again',
    async (code) => {
      const work = vi
        .fn()
        .mockRejectedValueOnce(Object.assign(new Error(code), { code }))
        .mockResolvedValueOnce('done')
      expect(await whileOpenElsewhere(work, 'win32')).toBe('done')
    },
  )

  test('Windows: what stays so, and what is another problem, is told', async () => {
    const refused = Object.assign(new Error('no'), { code: 'EPERM' })
    const work = vi.fn().mockRejectedValue(refused)
    await expect(whileOpenElsewhere(work, 'win32')).rejects.toBe(refused)
    expect(work).toHaveBeenCalledTimes(20)
    const missing = vi.fn().mockRejectedValue(Object.assign(new Error('no'), { code: 'ENOENT' }))
    await expect(whileOpenElsewhere(missing, 'win32')).rejects.toThrow('no')
    expect(missing).toHaveBeenCalledTimes(1)
  })

  test('elsewhere the same codes are told at once', async () => {
    const work = vi.fn().mockRejectedValue(Object.assign(new Error('no'), { code: 'EPERM' }))
    await expect(whileOpenElsewhere(work, 'linux')).rejects.toThrow('no')
    expect(work).toHaveBeenCalledTimes(1)
  })

  test('fileStorage works if the process has no owner, as on Windows', () => {
    const folder = temporary()
    const program = `
      import { fileStorage } from ${JSON.stringify(join(root, 'dist/adapter/node.js'))}
      const storage = fileStorage({ folder: ${JSON.stringify(folder)} })
      await storage.exclusively('key', () => storage.set('key', 'value'))
      console.log(await storage.get('key'))`
    const args = [
      '--import',
      'data:text/javascript,delete process.getuid',
      '--input-type=module',
      '--eval',
      program,
    ]
    expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('value\n')
  })
})

describe('create', () => {
  // A shell reads it, as on Windows.
  test.each(['win32', 'darwin', 'linux'] as const)(
    '%s: installs in the folder, without a warning',
    async (platform) => {
      const folder = temporary()
      const warned = vi.fn()
      process.on('warning', warned)
      try {
        await install('npm --version', folder, platform)
        await expect(install('npm no-such-command', folder, platform)).rejects.toThrow(
          /^"npm no-such-command" failed:\n/,
        )
        await new Promise((resolve) => setImmediate(resolve))
      } finally {
        process.off('warning', warned)
      }
      expect(warned).not.toHaveBeenCalled()
    },
  )
})
