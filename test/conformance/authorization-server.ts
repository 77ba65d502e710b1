// The official suite's authorization-server scenarios, against the Node server and against a Worker in workerd. The suite asks a person
// to sign in; a script does. Without a client id the suite skips the grant and still exits with 0, so the number that passed is what counts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { browse } from '../../scripts/browser.ts'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'

/** How many checks pass at a revision: the older ones know no check of `iss`. */
const revisions: [revision: string, passes: number][] = [
  ['2025-03-26', 2],
  ['2025-06-18', 2],
  ['2025-11-25', 3],
  ['2026-07-28', 3],
]

const here = import.meta.dirname
const suite = join(here, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')

export async function authorizationServerConformance(): Promise<{ passed: number; problems: string[] }> {
  const problems: string[] = []
  let passed = 0
  for (const [name, start] of [
    ['Node', startNode],
    ['workerd', startWorker],
  ] as const) {
    const { url, stop } = await start()
    try {
      for (const [revision, passes] of revisions) {
        const { code, output } = await run(url, revision)
        const counted = /^Total: (\d+) passed, (\d+) failed/m.exec(output)
        const [, good, bad] = counted ?? []
        const fine = code === 0 && Number(good) === passes && Number(bad) === 0
        console.log(`authorization server on ${name}, ${revision}: ${good ?? 0} passed of ${passes}`)
        if (fine) passed++
        else
          problems.push(`authorization server on ${name}, ${revision}: exit ${code}\n${output.slice(-2000)}`)
      }
    } finally {
      await stop()
    }
  }
  return { passed, problems }
}

interface Running {
  url: string
  stop(): Promise<unknown>
}

async function startNode(): Promise<Running> {
  const script = join(here, '../../scripts/conformance-server.ts')
  const child = spawn(process.execPath, [script, '--port', '0', '--default-resource', '/mcp'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const chunk of child.stdout) {
    output += String(chunk)
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? []
    if (url !== undefined) return { url, stop: () => ended(child) }
  }
  throw new Error(`the conformance server did not start: ${output}`)
}

async function startWorker(): Promise<Running> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const worker = await startWorkerd({
    ...compatibility,
    script: await bundle(join(here, 'authorization-server-worker.ts')),
    port,
    bindings: { ISSUER: url, TOLLGATE_SECRET: crypto.randomUUID().repeat(2) },
    durableObjects: { TOLLGATE: { className: 'TollgateStore', useSQLite: true } },
  })
  return { url, stop: () => worker.dispose() }
}

async function run(url: string, revision: string): Promise<{ code: number; output: string }> {
  const port = String(await freePort())
  const args = ['authorization', '--url', url, '--client-id', 'conformance-public', '-p', port]
  const child = spawn(process.execPath, [suite, ...args, '--spec-version', revision], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let visited = false
  const read = (chunk: Buffer): void => {
    output += chunk.toString()
    const [authorization] = new RegExp(`${url}/authorize\\?\\S+`).exec(output) ?? []
    if (authorization === undefined || visited || !output.includes('Callback server started')) return
    visited = true
    browse(authorization, `http://127.0.0.1:${port}/`)
      .then((callback) => fetch(callback))
      .catch((error: unknown) => {
        output += String(error)
        child.kill()
      })
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, output }
}

async function ended(child: ReturnType<typeof spawn>): Promise<unknown> {
  child.kill('SIGTERM')
  return once(child, 'close')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
