// The guard over loopback HTTP, each server in a process of its own, all loaded in turn.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest, Agent } from 'node:http'
import { join } from 'node:path'
import { bar, quantile, table } from './harness.ts'
import { tokens } from './tokens.ts'

const kinds = [
  'bare handler',
  'bare handler, JSON body',
  'tollgate',
  'tollgate, JSON body',
  'mcp-handler',
  'bare express',
  'tollgate on express',
  'SDK v1 on express',
] as const

interface Server {
  kind: string
  url: string
  child: ChildProcess
}

export async function httpBenchmark(): Promise<void> {
  const made = await tokens('RS256')
  const servers: Server[] = []
  try {
    for (const kind of kinds) servers.push(await start(kind, JSON.stringify(made.jwks)))
    for (const { kind, url } of servers) {
      const body = bodyFor(kind)
      const good = await send(url, made.fresh(0), body)
      const bad = await send(url, made.bad, body)
      if (good !== 200 || (bad !== 401 && !kind.startsWith('bare')))
        throw new Error(`${kind}: ${good} for a good token, ${bad} for a bad one`)
    }
    const samples = new Map<string, number[]>(kinds.map((kind) => [kind, []]))
    for (let round = 0; round < 9; round++) {
      for (const { kind, url, child } of [...servers].sort(() => Math.random() - 0.5)) {
        const before = cpuOf(child.pid!)
        const n = 1500
        await load(url, made.fresh, n, bodyFor(kind))
        if (round > 0) samples.get(kind)!.push((cpuOf(child.pid!) - before) / n)
      }
    }
    const cpu = new Map([...samples].map(([kind, all]) => [kind, quantile(all, 0.5)]))
    table("Guard over loopback HTTP, cached token, RS256 (the server's µs CPU for one request)", [
      ['', 'µs CPU', 'x tollgate'],
      ...[...cpu].map(([kind, each]) => [kind, each.toFixed(0), (each / cpu.get('tollgate')!).toFixed(2)]),
    ])
    const ratio = (one: (typeof kinds)[number], other: (typeof kinds)[number]): number =>
      cpu.get(one)! / cpu.get(other)!
    bar('mcp-handler : tollgate', ratio('mcp-handler', 'tollgate'), 3, 'at least')
    bar(
      'SDK v1 : tollgate, both on express',
      ratio('SDK v1 on express', 'tollgate on express'),
      3,
      'at least',
    )
    bar('tollgate : bare handler', ratio('tollgate', 'bare handler'), 1.3, 'at most')
    const withBody = ratio('tollgate, JSON body', 'bare handler, JSON body')
    bar('tollgate : bare handler, with a JSON body', withBody, 1.3, 'at most')
    bar('tollgate on express : bare express', ratio('tollgate on express', 'bare express'), 1.15, 'at most')
  } finally {
    for (const { child } of servers) child.kill()
  }
}

async function start(kind: string, jwks: string): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'http-server.ts'), kind], {
    env: { ...process.env, JWKS: jwks },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  return { kind, url: chunk.toString().trim(), child }
}

/** A call of a tool, for the handlers that read it. */
const message = JSON.stringify({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'search', arguments: { query: 'the answer to the question of life', limit: 20 } },
})

const bodyFor = (kind: string): string | undefined => (kind.endsWith('JSON body') ? message : undefined)

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

function send(url: string, token: string, body: string | undefined): Promise<number> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url,
      { method: 'POST', agent, headers: { authorization: `Bearer ${token}`, ...type } },
      (incoming) => {
        incoming.resume().on('end', () => resolve(incoming.statusCode!))
      },
    )
    outgoing.on('error', reject).end(body)
  })
}

async function load(
  url: string,
  fresh: (i: number) => string,
  n: number,
  body: string | undefined,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < n) await send(url, fresh(next++), body)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** User and system time of a process in µs, from the kernel (a tick is 10 ms). */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
