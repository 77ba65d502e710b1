// Upstash's REST interface in front of a real Redis: commands as JSON arrays, results in base64 where the client asks.
// https://upstash.com/docs/redis/features/restapi
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'

export interface UpstashServer {
  url: string
  token: string
  /** Every command that came, its name first. */
  commands: string[][]
  /** Once: the next command is carried out, and the line breaks before the answer. */
  loseNextAnswer(): void
  close(): Promise<void>
}

type Result = { result: unknown } | { error: string }

export async function startUpstash(redisUrl: string): Promise<UpstashServer> {
  const redis = createClient({ url: redisUrl })
  await redis.connect()
  const token = 'throw-away'
  const commands: string[][] = []
  let lose = false

  const carryOut = async (command: unknown[], encode: (value: unknown) => unknown): Promise<Result> => {
    const words = command.map(String)
    commands.push(words)
    try {
      return { result: encode(await redis.sendCommand(words)) }
    } catch (error) {
      return { error: (error as Error).message }
    }
  }
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end(JSON.stringify({ error: 'WRONGPASS invalid token' }))
      return
    }
    const encode = request.headers['upstash-encoding'] === 'base64' ? base64 : (value: unknown) => value
    const body = JSON.parse(await read(request)) as unknown[]
    const answer =
      request.url === '/pipeline'
        ? await Promise.all((body as unknown[][]).map((command) => carryOut(command, encode)))
        : await carryOut(body, encode)
    if (lose) {
      lose = false
      request.socket.destroy()
      return
    }
    const status = 'error' in answer ? 400 : 200
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    commands,
    loseNextAnswer: () => {
      lose = true
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (redis.isOpen) redis.destroy()
    },
  }
}

function base64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(base64)
  return typeof value === 'string' && value !== 'OK' ? Buffer.from(value).toString('base64') : value
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
