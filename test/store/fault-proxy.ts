// A TCP proxy between a client and a real server that cuts the line at a chosen point.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  port: number
  /** Once: after so many more bytes to the server, the line is dead for both sides. */
  cutRequestAfter(bytes: number): void
  /** Once: when the server has got so many more bytes, its next answer is thrown away and the line is dead. */
  cutAnswerAfter(bytes: number): void
  /** The lines that are open stay open, and nothing passes any more; new ones work. As after a router that forgot them. */
  halfOpen(): void
  /** Requests wait here until the function that is returned is called. */
  holdRequests(): () => void
  /** Once: before bytes with this text go to the server, this is done. */
  beforeRequest(text: string, act: () => Promise<void>): void
  close(): Promise<void>
}

export async function startProxy(target: URL): Promise<Proxy> {
  let requestBudget = Infinity
  let answerFrom = Infinity
  const sockets = new Set<Socket>()
  let epoch = 0
  let held: (() => void)[] | undefined
  let watched: { text: string; act: () => Promise<void> } | undefined
  const hold = (): (() => void) => {
    held = []
    return () => {
      const waiting = held ?? []
      held = undefined
      for (const send of waiting) send()
    }
  }
  const server = createServer((client) => {
    const born = epoch
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
    const forward = (bytes: Buffer): void => {
      if (requestBudget < 0 || born < epoch) return
      const passed = bytes.subarray(0, Math.min(bytes.length, requestBudget))
      requestBudget -= bytes.length
      answerFrom -= bytes.length
      // The server gets what was sent before the cut: half a command.
      upstream.write(passed, () => {
        if (requestBudget < 0) cut()
      })
    }
    client.on('data', (bytes) => {
      if (watched !== undefined && bytes.includes(watched.text)) {
        const { act } = watched
        watched = undefined
        void act().finally(hold())
      }
      if (held === undefined) forward(bytes)
      else held.push(() => forward(bytes))
    })
    upstream.on('data', (bytes) => {
      if (born < epoch) return
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
    halfOpen: () => {
      epoch++
    },
    holdRequests: hold,
    beforeRequest: (text, act) => {
      watched = { text, act }
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
