// The guard over loopback HTTP, each server in a process of its own, all loaded in turn.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest, Agent } from 'node:http'
import { join } from 'node:path'
import { bar, quantile, table } from './harness.ts'
import { tokens } from './tokens.ts'

const kinds = ['bare handler', 'tollgate', 'mcp-handler', 'SDK v1 on express'] as const

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
      const good = await send(url, made.fresh(0))
      const bad = await send(url, made.bad)
      if (good !== 200 || (bad !== 401 && kind !== 'bare handler'))
        throw new Error(`${kind}: ${good} for a good token, ${bad} for a bad one`)
    }
    const samples = new Map<string, number[]>(kinds.map((kind) => [kind, []]))
    for (let round = 0; round < 9; round++) {
      for (const { kind, url, child } of [...servers].sort(() => Math.random() - 0.5)) {
        const before = cpuOf(child.pid!)
        const n = 1500
        await load(url, made.fresh, n)
        if (round > 0) samples.get(kind)!.push((cpuOf(child.pid!) - before) / n)
      }
    }
    const cpu = new Map([...samples].map(([kind, all]) => [kind, quantile(all, 0.5)]))
    table("Guard over loopback HTTP, cached token, RS256 (the server's µs CPU for one request)", [
      ['', 'µs CPU', 'x tollgate'],
      ...[...cpu].map(([kind, each]) => [kind, each.toFixed(0), (each / cpu.get('tollgate')!).toFixed(2)]),
    ])
    bar('mcp-handler : tollgate', cpu.get('mcp-handler')! / cpu.get('tollgate')!, 3, 'at least')
    bar('SDK v1 on express : tollgate', cpu.get('SDK v1 on express')! / cpu.get('tollgate')!, 5, 'at least')
    bar('tollgate : bare handler', cpu.get('tollgate')! / cpu.get('bare handler')!, 1.1, 'at most')
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

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

function send(url: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url,
      { method: 'POST', agent, headers: { authorization: `Bearer ${token}` } },
      (incoming) => {
        incoming.resume().on('end', () => resolve(incoming.statusCode!))
      },
    )
    outgoing.on('error', reject).end()
  })
}

async function load(url: string, fresh: (i: number) => string, n: number): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < n) await send(url, fresh(next++))
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** User and system time of a process in µs, from the kernel (a tick is 10 ms). */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
