// Session hijacking on the two transports of the real mcp-framework: who owns a session, and when.
import { IncomingMessage, request as send, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { SessionOwners } from '../../src/adapter/mcp-framework/sessions.ts'
import type { Principal } from '../../src/resource-server/principal.ts'
import {
  accept,
  bearer,
  initialize,
  loadFramework,
  post,
  startFramework,
  type FrameworkOptions,
  type FrameworkServer,
  type Loaded,
} from '../support/mcp-framework.ts'

// It is installed first, where that has not been done.
vi.setConfig({ hookTimeout: 300_000 })

let loaded: Loaded
beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  loaded = await loadFramework()
})

const running: FrameworkServer[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

async function start(options: FrameworkOptions = {}): Promise<FrameworkServer> {
  const server = await startFramework(loaded, options)
  running.push(server)
  return server
}

const startSse = (): Promise<FrameworkServer> => start({ transport: 'sse', endpoints: { sse: true } })

const tokenOf = ({ issuer }: FrameworkServer, subject: string): Promise<string> =>
  issuer.tokenFor({ subject })

const listTools = JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/list', params: {} })

interface Sent {
  token: string
  /** The request target as it is written; `fetch` would write another. */
  target?: string
  sessions?: string[]
  method?: string
}

async function ask(
  { origin }: FrameworkServer,
  { token, target = '/mcp', sessions = [], method = 'POST' }: Sent,
): Promise<number> {
  const headers = { ...bearer(token), accept, 'content-type': 'application/json' }
  const { hostname, port, host } = new URL(origin)
  const written = Object.entries({ host, ...headers }).flat()
  for (const id of sessions) written.push('mcp-session-id', id)
  const outgoing = send({ hostname, port, path: target, method, headers: written })
  outgoing.end(method === 'POST' ? listTools : undefined)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  // The stream of a session does not end by itself.
  if (method === 'GET') outgoing.destroy()
  else await text(answer)
  return answer.statusCode!
}

async function openSession(server: FrameworkServer, token: string): Promise<string> {
  const response = await post(server, bearer(token))
  expect(response.status).toBe(200)
  await response.text()
  return response.headers.get('mcp-session-id')!
}

async function openStream(
  server: FrameworkServer,
  headers: Record<string, string>,
): Promise<{ id: string; close: () => Promise<void> }> {
  const opened = await fetch(server.resource, { headers: { accept: 'text/event-stream', ...headers } })
  const reader = opened.body!.getReader()
  const [, id] = /sessionId=(\S+)/.exec(new TextDecoder().decode((await reader.read()).value))!
  return { id: id!, close: () => reader.cancel() }
}

const wasRefused = ({ events }: FrameworkServer): boolean => events.at(-1)?.type === 'request.refused'

describe('G36 session hijacking on the HTTP stream', () => {
  test.each(['stream', 'batch'] as const)(
    'the opener owns the session before its second request (%s)',
    async (responseMode) => {
      const server = await start({ responseMode })
      const [alice, mallory] = [await tokenOf(server, 'alice'), await tokenOf(server, 'mallory')]
      const sessions = [await openSession(server, alice)]
      for (const method of ['POST', 'GET', 'DELETE'])
        expect([method, await ask(server, { token: mallory, sessions, method })]).toEqual([method, 404])
      expect(server.events.at(-1)).toMatchObject({
        type: 'request.refused',
        subject: 'mallory',
        status: 404,
        detail: expect.stringContaining('has not opened'),
      })
      expect(await ask(server, { token: alice, sessions })).toBe(200)
    },
  )

  test('an id that the framework has not issued is 404, whatever it is called', async () => {
    const server = await start()
    const token = await tokenOf(server, 'mallory')
    for (const id of ['x', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'a'.repeat(201), ''])
      for (const method of ['POST', 'GET', 'DELETE'])
        expect([id, await ask(server, { token, sessions: [id], method })]).toEqual([id, 404])
  })

  test('several ids are 404, also if the caller owns each', async () => {
    const server = await start()
    const token = await tokenOf(server, 'alice')
    const [one, two] = [await openSession(server, token), await openSession(server, token)]
    expect(await ask(server, { token, sessions: [one, two] })).toBe(404)
    expect(await ask(server, { token, sessions: [one, one] })).toBe(404)
    expect(await ask(server, { token, sessions: [one], target: `/mcp?sessionId=${one}` })).toBe(404)
    expect(await ask(server, { token, sessions: [one] })).toBe(200)
    expect(await ask(server, { token, sessions: [two] })).toBe(200)
  })

  test('a session that its owner has ended is forgotten', async () => {
    const server = await start()
    const token = await tokenOf(server, 'alice')
    const sessions = [await openSession(server, token)]
    expect(await ask(server, { token, sessions, method: 'DELETE' })).toBe(200)
    expect(wasRefused(server)).toBe(false)
    expect(await ask(server, { token, sessions })).toBe(404)
    expect(wasRefused(server)).toBe(true)
  })

  test('a session that was opened without a token has no owner, and is 404', async () => {
    const server = await start({ endpoints: { sse: false } })
    const opened = await post(server)
    const sessions = [opened.headers.get('mcp-session-id')!]
    await opened.text()
    expect(await ask(server, { token: await tokenOf(server, 'mallory'), sessions })).toBe(404)
  })

  test('handleRequest has no sessions: an id, which a platform may add, says nothing', async () => {
    const server = await start()
    for (const subject of ['alice', 'bob']) {
      const headers = { 'mcp-session-id': 'of-the-platform', host: new URL(server.origin).host }
      const request = new Request(server.resource, {
        ...{ method: 'POST', body: initialize },
        headers: {
          ...{ ...headers, 'content-type': 'application/json', accept },
          ...bearer(await tokenOf(server, subject)),
        },
      })
      expect((await server.server.handleRequest(request)).status).toBe(200)
    }
  })
})

describe('G36 session hijacking on SSE', () => {
  const target = (id: string): string => `/messages?sessionId=${id}`

  test('the opener owns the session before its first message, and until its stream ends', async () => {
    const server = await startSse()
    const [alice, mallory] = [await tokenOf(server, 'alice'), await tokenOf(server, 'mallory')]
    const { id, close } = await openStream(server, bearer(alice))
    expect(await ask(server, { token: mallory, target: target(id) })).toBe(404)
    expect(await ask(server, { token: alice, target: target(id) })).toBe(202)
    expect(wasRefused(server)).toBe(false)
    await close()
    await vi.waitFor(async () => {
      expect(await ask(server, { token: alice, target: target(id) })).toBe(404)
      expect(wasRefused(server)).toBe(true)
    })
  })

  test('a stream that was opened without a token has no owner, and its messages are 404', async () => {
    const server = await start({ transport: 'sse' })
    const { id, close } = await openStream(server, {})
    expect(await ask(server, { token: await tokenOf(server, 'mallory'), target: target(id) })).toBe(404)
    await close()
  })

  test('parser differential: no spelling of a request target reaches the session of another', async () => {
    const server = await startSse()
    const [alice, mallory] = [await tokenOf(server, 'alice'), await tokenOf(server, 'mallory')]
    const [hers, mine] = [await openStream(server, bearer(alice)), await openStream(server, bearer(mallory))]
    const parts = ['?', '&', '#', ';', '%26', '%3D', '%23', '%00', '+', '%20', '\\', '/', '=', 'a', 'a=?']
    const named = [hers.id, mine.id].flatMap((id) =>
      ['sessionId=', 'session%49d=', 'SESSIONID=', 'sessionId[]='].map((name) => name + id),
    )
    const targets = [`?a=?&sessionId=${hers.id}`, `?sessionId=${hers.id}#a`, `?#?sessionId=${hers.id}`]
    const pick = random(36)
    for (let i = 0; i < 250; i++) {
      const length = 2 + pick(5)
      const query = Array.from({ length }, () => (pick(2) ? parts[pick(parts.length)] : named[pick(8)]))
      targets.push(`?${query.join(pick(2) ? '&' : '')}`)
    }
    let reached = 0
    for (const query of targets) {
      const form = [`/messages${query}`, `//x/messages${query}`, `http://x/messages${query}`][pick(3)]!
      // What the framework reads of it.
      const read = new URL(form, server.origin).searchParams.get('sessionId')
      const [his, own] = await Promise.all([
        ask(server, { token: mallory, target: form }),
        ask(server, { token: alice, target: form }),
      ])
      if (read !== mine.id) expect([form, his]).toEqual([form, 404])
      if (read !== hers.id) expect([form, own]).toEqual([form, 404])
      reached += Number(his === 202) + Number(own === 202)
    }
    expect(reached).toBeGreaterThan(25)
    await Promise.all([hers.close(), mine.close()])
  })
})

describe('G36 what is kept of sessions', () => {
  const principal = (subject: string | undefined, token: string): Principal => ({
    ...{ issuer: 'https://login.example.com', clientId: 'app', subject, token },
    resource: new URL('https://notes.example.com/mcp'),
  })

  /** A message of Node's server, and its response. */
  function exchange(id?: string): [IncomingMessage, ServerResponse] {
    const rawHeaders = ['host', 'notes.example.com', ...(id === undefined ? [] : ['mcp-session-id', id])]
    const headers = { host: rawHeaders[1], ...(id !== undefined && { 'mcp-session-id': id }) }
    const made = Object.assign(new IncomingMessage(new Socket()), { headers, rawHeaders, url: '/mcp' })
    return [made, new ServerResponse(made)]
  }

  function open(owners: SessionOwners, auth: Principal, id: string): void {
    const [message, response] = exchange()
    owners.watch(message, response, auth)
    response.writeHead(200, { 'mcp-session-id': id })
  }

  const admits = (owners: SessionOwners, auth: Principal, id: string): boolean =>
    owners.admit(exchange(id)[0], auth)

  test('no caller makes the session of another be forgotten, and each keeps 1000', () => {
    const owners = new SessionOwners()
    const [alice, mallory] = [principal('alice', 'a'), principal('mallory', 'm')]
    open(owners, alice, 'of-alice')
    for (let i = 0; i < 10_001; i++) {
      expect(admits(owners, mallory, `made-up-${i}`)).toBe(false)
      if (i <= 1000) open(owners, mallory, `opened-${i}`)
    }
    expect(admits(owners, alice, 'of-alice')).toBe(true)
    expect(admits(owners, mallory, 'of-alice')).toBe(false)
    expect(admits(owners, mallory, 'opened-0')).toBe(false)
    for (const id of ['opened-1', 'opened-1000']) expect(admits(owners, mallory, id)).toBe(true)
  })

  test('without a subject, the token is the owner', () => {
    const owners = new SessionOwners()
    open(owners, principal(undefined, 'one'), 'x')
    expect(admits(owners, principal(undefined, 'one'), 'x')).toBe(true)
    expect(admits(owners, principal(undefined, 'two'), 'x')).toBe(false)
  })

  test('a request target that is no URL names no session, and is refused', () => {
    const [message] = exchange()
    Object.assign(message, { headers: { host: 'a, b' } })
    expect(new SessionOwners().admit(message, principal('alice', 'a'))).toBe(false)
  })
})

/** Whole numbers below a limit, the same in each run. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}
