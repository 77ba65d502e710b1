// The command line of the MCP Inspector against the notes server with its own authorization server, as its
// users type it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { browse } from '../../scripts/browser.ts'
import { startHost, type Host } from '../support/runtime-hosts.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

// It is installed first, where that has not been done.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 300_000 })

const folder = 'tools/inspector'
const inspector = join(
  import.meta.dirname,
  '../..',
  folder,
  'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
)
const homes: string[] = []
const newHome = (): string => {
  const home = mkdtempSync(join(tmpdir(), 'tollgate-inspector-'))
  homes.push(home)
  return home
}

let host: Host
let callback: string
beforeAll(async () => {
  await install(folder)
  host = await startHost('node', 'internal')
  callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
})
afterAll(async () => {
  await host?.close()
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

interface Outcome {
  code: number | null
  /** What it printed as the result. */
  result: unknown
  errors: string
  /** How often its user had to go to a page. */
  pages: number
}

/** Runs it to its end. Where it prints a page to go to, somebody goes there, signs in and approves. */
async function inspect(home: string, ...parameters: string[]): Promise<Outcome> {
  const target = ['--cli', host.url.href, '--transport', 'http', '--connect-timeout', '60000']
  const options = ['--callback-url', callback, '--format', 'json']
  const child = spawn(process.execPath, [inspector, ...target, ...options, ...parameters], {
    env: {
      NODE_ENV: 'production',
      PATH: process.env['PATH'],
      HOME: home,
      MCP_STORAGE_DIR: home,
      MCP_INSPECTOR_SECRET_STORE: 'file',
      // It asks for nobody without a terminal, unless it is told that a browser will be there.
      MCP_AUTO_OPEN_ENABLED: 'true',
      BROWSER: '/bin/true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  const visits = new Map<string, Promise<unknown>>()
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
    for (const [, page] of errors.matchAll(/navigate to:\s*(http\S+)\s/g))
      if (!visits.has(page!)) visits.set(page!, visit(page!))
  })
  /** A visit that fails ends the program, which would wait for its user. */
  const visit = (page: string): Promise<unknown> =>
    browse(page, callback, { name: 'inspector' })
      .then((answer) => fetch(answer))
      .catch((error: unknown) => {
        errors += String(error)
        child.kill()
      })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await Promise.all(visits.values())
  return { code, result: output === '' ? undefined : JSON.parse(output), errors, pages: visits.size }
}

const text = (content: string): object => ({ result: { content: [{ type: 'text', text: content }] } })

test('the Inspector discovers, registers, signs in and writes; then it reads with what it kept; then it logs in anew', async () => {
  const home = newHome()
  const note = ['--tool-arg', 'title=One', '--tool-arg', 'text=Written by the Inspector']
  const written = await inspect(home, '--method', 'tools/call', '--tool-name', 'write_note', ...note)
  expect(written, written.errors).toMatchObject({ code: 0, pages: 1, result: text('Wrote "One".') })

  const read = ['--method', 'tools/call', '--tool-name', 'read_note', '--tool-arg', 'title=One']
  const again = await inspect(home, ...read, '--stored-auth-only')
  expect(again, again.errors).toMatchObject({ code: 0, pages: 0, result: text('Written by the Inspector') })

  const anew = await inspect(home, '--method', 'tools/list', '--relogin')
  expect(anew, anew.errors).toMatchObject({ code: 0, pages: 1 })
  const { tools } = (anew.result as { result: { tools: { name: string }[] } }).result
  expect(tools.map(({ name }) => name).sort()).toEqual(['list_notes', 'read_note', 'write_note'])
})

test('the Inspector without anybody to sign in is told that authorization is required', async () => {
  const other = await inspect(newHome(), '--method', 'tools/list', '--stored-auth-only')
  expect(other.pages).toBe(0)
  expect(other.code).not.toBe(0)
  expect(other.errors).toContain('auth_required')
})
