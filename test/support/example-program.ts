// Programs of `examples/` as their users start them, with what stands in front of them and behind them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { freePort } from './runtime-port.ts'

const root = join(import.meta.dirname, '../..')

export interface Closable {
  readonly url: URL
  close(): Promise<void>
}

export interface Balancer extends Closable {
  /** The instances that get the requests, in turn. */
  targets: URL[]
}

/** What stands in front of the instances: it passes requests on as they are, with their `Host`. */
export async function startBalancer(): Promise<Balancer> {
  let count = 0
  const balancer = {
    targets: [] as URL[],
    ...(await listen((incoming, outgoing) => {
      const { hostname, port } = balancer.targets[count++ % balancer.targets.length]!
      const { method, url: path, headers } = incoming
      const onward = request({ hostname, port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers).flushHeaders()
        answer.pipe(outgoing)
      })
      outgoing.once('close', () => onward.destroy())
      incoming.pipe(onward)
    })),
  }
  return balancer
}

/** A server on a port of this machine. */
export async function listen(listener: RequestListener): Promise<Closable> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Starts a program below `examples/`; resolves when it has said `ready`. */
export async function startExample(
  file: string,
  ready: string,
  env: Record<string, string>,
  flags: readonly string[] = [],
): Promise<Closable> {
  const port = await freePort()
  const child = spawn(process.execPath, [...flags, join(root, 'examples', file)], {
    env: { ...process.env, PORT: String(port), ...env },
    stdio: 'pipe',
  })
  const exited = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes(ready)) resolve()
      })
    child.once('exit', () => reject(new Error(output)))
  })
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    async close() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
