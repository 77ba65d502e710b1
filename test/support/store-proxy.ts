// A TCP proxy between a client and a real server that cuts the line at a chosen point.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  port: number
  /** Once: after so many more bytes to the server, the line is dead for both sides. */
  cutRequestAfter(bytes: number): void
  /** Once: when the server has got so many more bytes, its next answer is thrown away and the line is dead. */
  cutAnswerAfter(bytes: number): void
  close(): Promise<void>
}

export async function startProxy(target: URL): Promise<Proxy> {
  let requestBudget = Infinity
  let answerFrom = Infinity
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    const cut = (): void => {
      requestBudget = Infinity
      answerFrom = Infinity
      end()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    client.on('data', (bytes) => {
      if (requestBudget < 0) return
      const passed = bytes.subarray(0, Math.min(bytes.length, requestBudget))
      requestBudget -= bytes.length
      answerFrom -= bytes.length
      // The server gets what was sent before the cut: half a command.
      upstream.write(passed, () => {
        if (requestBudget < 0) cut()
      })
    })
    upstream.on('data', (bytes) => {
      if (answerFrom <= 0) cut()
      else client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    cutRequestAfter: (bytes) => {
      requestBudget = bytes
    },
    cutAnswerAfter: (bytes) => {
      answerFrom = bytes
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
