// What GitHub runs: with the least rights, pinned, and on every runtime that `npm test` knows.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runsOn } from '../support/runs.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const names = readdirSync(join(root, '.github/workflows'))
const workflows = names.map((name) => ({ name, text: read(`.github/workflows/${name}`) }))
const all = workflows.map(({ text }) => text).join('\n')
/** The jobs of a workflow, by their name. */
const jobsOf = (text: string): [name: string, text: string][] =>
  text
    .slice(text.indexOf('\njobs:\n'))
    .split(/^ {2}(?=[a-z]+:$)/m)
    .slice(1)
    .map((job) => [job.slice(0, job.indexOf(':')), job])

test('each action is pinned to one commit, with its version for the update', () => {
  const used = [...all.matchAll(/uses: (.+)$/gm)].map(([, action]) => action!)
  expect(used.length).toBeGreaterThan(10)
  expect(used.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([])
  expect(new Set(used).size).toBe(new Set(used.map((action) => action.split('@')[0])).size)
})

describe.each(workflows)('$name', ({ text }) => {
  test('a job has no right that it does not name, and keeps no credentials', () => {
    expect(text).toMatch(/^permissions: \{\}$/m)
    for (const [name, job] of jobsOf(text)) {
      if (job.includes('actions/checkout@')) expect(job, name).toMatch(/^ {4}permissions:\n {6}contents: /m)
      const checkouts = job.match(/actions\/checkout@.*\n.*/g) ?? []
      for (const each of checkouts) expect(each).toContain('with: { persist-credentials: false }')
      expect(job, name).toMatch(/^ {4}runs-on: /m)
    }
  })

  test('each npm script that it runs exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const matrix = [...text.matchAll(/^ +(?:runtime|suite): \[(.+)\]$/gm)].flatMap(([, list]) =>
      list!.split(', '),
    )
    const named = [...text.matchAll(/npm run ([\w:]+)(\$\{\{)?/g)].flatMap(([, name, open]) =>
      open === undefined ? [name!] : matrix.map((each) => name + each),
    )
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
  })
})

test('CI has a job for each runtime, for the other systems, and one that waits for all', () => {
  const ci = read('.github/workflows/ci.yml')
  const groups = new Set(runsOn('linux').map(({ group }) => group))
  const [, matrix] = /runtime: \[(.+)\]/.exec(ci)!
  expect([...matrix!.split(', '), 'browser'].sort()).toEqual([...groups].sort())
  expect(ci).toContain('os: [macos-latest, windows-latest]')
  const jobs = jobsOf(ci).map(([name]) => name)
  const [, needs] = /needs: \[(.+)\]/.exec(ci)!
  expect([...needs!.split(', '), 'all'].sort()).toEqual(jobs.sort())
})

describe('a tag publishes what was tested', () => {
  const release = read('.github/workflows/release.yml')
  const jobs = new Map(jobsOf(release))
  const job = (name: string): string => jobs.get(name) ?? ''

  test('with provenance and without a token', () => {
    expect(release).toContain("tags: ['v*.*.*']")
    expect(job('npm')).toContain('npm publish ./package.tgz --provenance --access public --ignore-scripts')
    expect(job('npm')).toContain('id-token: write')
    expect(release).not.toMatch(/NODE_AUTH_TOKEN|NPM_TOKEN|secrets\./)
  })

  test('the file that the tests have seen', () => {
    const steps = [
      'npm ci ',
      'npm run build',
      'npm run test:node',
      'npm run test:hosts',
      'npm pack ',
      'upload-',
    ]
    const places = steps.map((step) => job('build').indexOf(step))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places).not.toContain(-1)
    expect(job('npm')).toContain('needs: build')
    expect(job('npm')).toContain('actions/download-artifact@')
    for (const name of ['github', 'jsr']) expect(job(name)).toContain('needs: npm')
  })
})

// Supply chain: an install script, or any package that a test loads, would publish in our name.
test('no job with a right to write runs the code of a dependency', () => {
  const withRights = workflows.flatMap(({ name, text }) =>
    jobsOf(text)
      .filter(([, job]) => /^ {6}[\w-]+: write\b/m.test(job))
      .map(([job, steps]): [string, string] => [`${name} ${job}`, steps]),
  )
  expect(withRights.map(([name]) => name)).toEqual(
    expect.arrayContaining(['release.yml npm', 'release.yml github', 'release.yml jsr', 'site.yml publish']),
  )
  for (const [name, job] of withRights) {
    // Deno is what publishes there.
    const runs =
      job
        .replace('node_modules/.bin/deno publish --no-check', '')
        .match(/^ +(?:- )?run:.*(?:\n {10}.*)*/gm) ?? []
    for (const run of runs) {
      if (/\bnpm (?:ci|install|i|publish)\b/.test(run)) expect(run, name).toContain('--ignore-scripts')
      expect(run, name).not.toMatch(/\bnpm (?:run|test|exec|x|pack)\b|\bnpx\b|\bnode\b|node_modules/)
    }
  }
})

test('dependency updates know each lock file', () => {
  const locks = execFileSync('git', ['ls-files', '**/package-lock.json'], { cwd: root, encoding: 'utf8' })
  const [, list] = /directories: \[(.+)\]/.exec(read('.github/dependabot.yml'))!
  const covered = list!.split(', ').map((each) => each.slice(2, -1).replace('/*', '/'))
  const folders = locks
    .trim()
    .split('\n')
    .map((file) => file.replace('package-lock.json', ''))
  expect(folders.length).toBeGreaterThan(5)
  expect(
    folders.filter((folder) => folder !== '' && !covered.some((each) => `${folder}/`.startsWith(each))),
  ).toEqual([])
})
