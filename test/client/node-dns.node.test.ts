// What nodeFetch makes of a resolver's answers. The resolver is the only thing that is not real here: no test
// needs the internet.
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { nodeFetch } from '../../src/adapter/node.ts'

const answers = new Map<string, string[]>()
const asked: string[] = []
vi.mock('node:dns/promises', () => ({
  lookup: async (name: string) => {
    asked.push(name)
    return (answers.get(name) ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  },
}))
afterEach(() => {
  answers.clear()
  asked.length = 0
})

test.each([
  ['10.0.0.1'],
  ['127.0.0.1'],
  ['::1'],
  ['169.254.169.254'],
  ['0.0.0.0'],
  ['fd00::1'],
  ['fe80::1%eth0'],
  ['::ffff:10.0.0.1'],
  ['64:ff9b::a00:1'],
  ['93.184.216.34', '10.0.0.1'],
  ['2606:2800:220:1::1', '::ffff:127.0.0.1'],
  [],
])('CL2 a name that leads to %s %s is refused before anything is sent', async (...addresses) => {
  answers.set('public.example', addresses)
  for (const url of ['https://public.example/', 'http://public.example:3000/'])
    await expect(nodeFetch(url)).rejects.toMatchObject({ code: 'invalid_request' })
  expect(asked).toEqual(['public.example', 'public.example'])
})

test('an answer that no Response can be leaves no socket behind', async () => {
  const server = createServer((_, outgoing) => {
    outgoing.writeHead(999)
    outgoing.write('a body that never ends')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closed = new Promise((resolve) =>
    server.once('connection', (socket) => socket.once('close', resolve)),
  )
  try {
    const { port } = server.address() as AddressInfo
    answers.set('127.0.0.1', ['127.0.0.1'])
    await expect(nodeFetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(RangeError)
    await closed
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('CL2 localhost is asked for once, and connected to as it was judged; what it must not be is refused', async () => {
  const server = createServer((incoming, outgoing) => outgoing.end(incoming.headers.host)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    answers.set('localhost', ['127.0.0.1'])
    expect(await (await nodeFetch(`http://localhost:${port}/`)).text()).toBe(`localhost:${port}`)
    expect(asked).toEqual(['localhost'])
    // Where localhost is both and the server listens on one.
    answers.set('localhost', ['::1', '127.0.0.1'])
    const post = { method: 'POST', body: 'x' }
    expect((await nodeFetch(`http://localhost:${port}/`, post)).status).toBe(200)
    answers.set('localhost', ['::1', '10.0.0.1'])
    await expect(nodeFetch(`http://localhost:${port}/`)).rejects.toMatchObject({ code: 'invalid_request' })
    answers.set('localhost', ['::1'])
    await expect(nodeFetch(`http://localhost:${port}/`)).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL/)
    for (const elsewhere of [['93.184.216.34'], ['127.0.0.1', '93.184.216.34']]) {
      answers.set('localhost', elsewhere)
      for (const name of ['localhost', 'a.localhost'])
        await expect(nodeFetch(`http://${name}:${port}/`)).rejects.toMatchObject({ code: 'invalid_request' })
    }
    answers.set('localhost', ['10.0.0.1'])
    await expect(nodeFetch(`http://localhost:${port}/`)).rejects.toMatchObject({ code: 'invalid_request' })
  } finally {
    server.close()
  }
})
