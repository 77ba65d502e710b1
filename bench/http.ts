// The guard over loopback HTTP, each server in a process of its own, all loaded in turn.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, Agent } from 'node:http'
import { join } from 'node:path'
import { bar, quantile, table } from './harness.ts'
import { cpuOf } from './process.ts'
import { tokens } from './tokens.ts'

/** Handlers without a guard: the floors. */
const open = ['srvx', '@hono/node-server', 'express']
const kinds = [...open, 'tollgate', 'mcp-handler', 'tollgate on express', 'SDK v1 on express']
const withBody = ['srvx', '@hono/node-server', 'tollgate']
const rounds = 9
/** Requests of a round: the kernel counts in ticks of 10 ms. */
const n = 6000

const message = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'search', arguments: { query: 'x'.repeat(300) } },
})

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
      if (good !== 200 || (bad !== 401 && !open.includes(kind)))
        throw new Error(`${kind}: ${good} for a good token, ${bad} for a bad one`)
    }
    const cases = [
      ...servers.map((server) => ({ ...server, name: server.kind, body: undefined })),
      ...servers
        .filter(({ kind }) => withBody.includes(kind))
        .map((server) => ({ ...server, name: `${server.kind}, JSON body`, body: message })),
    ]
    const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const { name, url, child, body } of [...cases].sort(() => Math.random() - 0.5)) {
        const before = cpuOf(child.pid!)
        await load(url, made.fresh, body)
        if (round > 0) samples.get(name)!.push((cpuOf(child.pid!) - before) / n)
      }
    }
    const cpu = new Map([...samples].map(([name, all]) => [name, quantile(all, 0.5)]))
    const of = (name: string): number => cpu.get(name)!
    table("Guard over loopback HTTP, cached token, RS256 (the server's µs CPU for one request)", [
      ['', 'µs CPU', 'x tollgate'],
      ...[...cpu].map(([name, each]) => [name, each.toFixed(0), (each / of('tollgate')).toFixed(2)]),
    ])
    for (const suffix of ['', ', JSON body']) {
      const floor = Math.min(of(`srvx${suffix}`), of(`@hono/node-server${suffix}`))
      bar(`HTTP${suffix}, tollgate/node : unguarded`, of(`tollgate${suffix}`) / floor, 1.3, 'at most')
    }
    bar('HTTP, mcp-handler : tollgate', of('mcp-handler') / of('tollgate'), 3, 'at least')
    bar('HTTP, SDK v1 on Express : tollgate', of('SDK v1 on express') / of('tollgate'), 3, 'at least')
    bar('HTTP, tollgate on Express : Express', of('tollgate on express') / of('express'), 1.15, 'at most')
  } finally {
    for (const { child } of servers) child.kill()
  }
}

async function start(kind: string, jwks: string): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'http-server.ts'), kind], {
    env: { ...process.env, JWKS: jwks, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  return { kind, url: chunk.toString().trim(), child }
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 })

function send(url: string, token: string, body?: string): Promise<number> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  if (body !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = String(body.length)
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: 'POST', agent, headers }, (incoming) => {
      incoming.resume().on('end', () => resolve(incoming.statusCode!))
    })
    outgoing.on('error', reject).end(body)
  })
}

async function load(url: string, fresh: (i: number) => string, body: string | undefined): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < n) await send(url, fresh(next++), body)
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}
