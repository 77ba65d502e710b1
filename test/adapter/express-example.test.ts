import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { useExample } from '../support/provider-example.ts'
import { run } from '../support/provider-next.ts'
import { freePort } from './suite.ts'

const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')

const folder = join(import.meta.dirname, '../../examples/express')

beforeAll(async () => {
  if (!existsSync(join(folder, 'node_modules'))) await run('npm', ['ci', '--no-audit', '--no-fund'], folder)
}, 300_000)

test('examples/express compiles', async () => {
  await run(process.execPath, [compiler, '-p', '.'], folder)
}, 120_000)

test('examples/express runs as it is, and a client uses it', async () => {
  const port = await freePort()
  const child = spawn(process.execPath, ['server.ts'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(line.toString()).toBe(`Notes: http://127.0.0.1:${port}/mcp\n`)
    await useExample(new URL(`http://127.0.0.1:${port}/mcp`))
  } finally {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}, 120_000)
