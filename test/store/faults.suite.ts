// Two conformance servers on one store to which things happen: no honest session ends, and nothing is answered with 500.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startBalancer } from '../support/conformance-cluster.ts'
import {
  advance,
  authorize,
  redeem,
  startConformanceServer,
  type Server,
  type Tokens,
} from '../support/conformance-process.ts'
import type { StoreFaults } from './fault-servers.ts'
import { startProxy } from './fault-proxy.ts'

const [before, after] = [
  'the deployment secret until today, of 32 bytes at least',
  'the deployment secret from now on, of 32 bytes at least',
]
const outage = 503

export function faultsSuite(store: 'redis' | 'postgres', storeUrl: string, faults: StoreFaults): void {
  let balancer: Awaited<ReturnType<typeof startBalancer>>
  let proxy: Awaited<ReturnType<typeof startProxy>>
  const statuses: number[] = []

  const start = (...secrets: string[]): Promise<Server> => {
    const address = new URL(storeUrl)
    address.host = `127.0.0.1:${proxy.port}`
    const flags = [
      '--store',
      store,
      '--store-url',
      address.href,
      '--issuer',
      balancer.base,
      '--test-controls',
    ]
    return startConformanceServer(...flags, ...secrets.flatMap((each) => ['--deployment-secret', each]))
  }
  const servers = (): Server[] => balancer.targets

  /** What an honest client does: an outage or a lost answer is tried again, with the token that it has. */
  class Session {
    tokens: Tokens
    constructor(tokens: Tokens) {
      this.tokens = tokens
    }
    static async signIn(): Promise<Session> {
      const code = await authorize(balancer.base, { resource: `${balancer.base}/mcp`, scope: 'notes:read' })
      const { status, body } = await post(servers()[0]!, '/token', redeem(code))
      expect(status).toBe(200)
      return new Session(body)
    }
    /** How the server answered, once. */
    async tryRefresh(at: Server): Promise<number> {
      const { refresh_token } = this.tokens
      const form = { grant_type: 'refresh_token', client_id: 'conformance-public', refresh_token }
      const { status, body } = await post(at, '/token', form)
      if (status === 200) this.tokens = body
      else expect(body).toMatchObject({ error: 'temporarily_unavailable' })
      return status
    }
    async refresh(at: Server): Promise<void> {
      for (let attempt = 0; (await this.tryRefresh(at)) !== 200; attempt++) {
        if (attempt === 10) throw new Error('the outage does not end')
        await sleep(1000)
      }
    }
    async call(at: Server): Promise<number> {
      const headers = {
        authorization: `Bearer ${this.tokens.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      }
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'list_notes', arguments: {} },
      })
      const response = await fetch(`${at.base}/mcp`, { method: 'POST', headers, body })
      await response.text()
      statuses.push(response.status)
      return response.status
    }
    /** It is refreshed at each server, and each new access token is good at both. */
    async expectAlive(): Promise<void> {
      for (const at of servers()) {
        await this.refresh(at)
        for (const guard of servers()) expect(await this.call(guard)).toBe(200)
      }
    }
  }

  async function post(
    at: Server,
    path: string,
    form: Record<string, string>,
  ): Promise<{ status: number; body: Tokens }> {
    const response = await fetch(at.base + path, { method: 'POST', body: new URLSearchParams(form) })
    statuses.push(response.status)
    return { status: response.status, body: (await response.json()) as Tokens }
  }

  beforeAll(async () => {
    balancer = await startBalancer()
    proxy = await startProxy(new URL(storeUrl))
    balancer.targets.push(...(await Promise.all([start(before), start(before)])))
  })
  afterAll(async () => {
    await balancer?.close()
    await Promise.all(servers().map((each) => each.stop()))
    await proxy?.close()
    await faults.close()
  })
  afterEach(() => {
    const odd = statuses.splice(0).filter((each) => each !== 200 && each !== outage)
    expect(odd).toEqual([])
  })

  test(
    'F3 a failover that loses a rotation: the session lives on with the newest token',
    { timeout: 60_000 },
    async () => {
      const [idle, busy] = [await Session.signIn(), await Session.signIn()]
      await busy.refresh(servers()[0]!)
      const failOver = await faults.replicate()
      await busy.refresh(servers()[1]!)
      await failOver()
      for (const each of [busy, idle]) await each.expectAlive()
    },
  )

  test(
    'T8 a store that stands still for 36 s: 503, and the sessions that tried to refresh live on',
    { timeout: 120_000 },
    async () => {
      const sessions = await Promise.all(Array.from({ length: 4 }, () => Session.signIn()))
      // The grant has been read, and is about to be written.
      const stalled = new Promise<() => Promise<void>>((resolve) =>
        proxy.beforeRequest('"generation":2', async () => resolve(await faults.stall())),
      )
      const first = sessions[0]!.tryRefresh(servers()[1]!)
      const goOn = await stalled
      const until = Date.now() + 36_000
      const answers = [first, ...sessions.slice(1).map((each, i) => each.tryRefresh(servers()[i % 2]!))]
      expect(await sessions[0]!.call(servers()[1]!)).toBe(outage)
      expect(await Promise.all(answers)).toEqual(sessions.map(() => outage))
      await sleep(until - Date.now())
      await goOn()
      for (const each of sessions) await each.expectAlive()
    },
  )

  test(
    'F4 lines to the store that are half open: some 503, then all sessions go on',
    { timeout: 120_000 },
    async () => {
      const sessions = await Promise.all(Array.from({ length: 3 }, () => Session.signIn()))
      proxy.halfOpen()
      await Promise.all(sessions.map((each, i) => each.refresh(servers()[i % 2]!)))
      for (const each of sessions) await each.expectAlive()
    },
  )

  test(
    'F2 the secret is rotated, one instance after the other, while sessions go on',
    { timeout: 120_000 },
    async () => {
      const [idle, busy] = [await Session.signIn(), await Session.signIn()]
      for (const secrets of [
        [before, after],
        [after, before],
      ])
        for (const i of [0, 1]) {
          const old = servers()[i]!
          balancer.targets[i] = await start(...secrets)
          await old.stop()
          await busy.expectAlive()
        }
      for (const each of [idle, await Session.signIn()]) await each.expectAlive()
    },
  )

  test('F9 clocks that are 60 s apart: sessions go on at both instances', { timeout: 60_000 }, async () => {
    const session = await Session.signIn()
    expect(await advance(servers()[1]!, '{"advance":60}')).toBe(200)
    for (let i = 0; i < 3; i++) await session.expectAlive()
    expect(await advance(servers()[1]!, '{"advance":-60}')).toBe(200)
    await session.expectAlive()
  })
}
