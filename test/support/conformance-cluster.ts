// Two conformance servers on one store, behind a balancer that sends every request to the other one: a whole flow.
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  advance,
  authorize,
  deploymentSecret,
  redeem,
  redirect,
  resourceSecret,
  startConformanceServer,
  status,
  token,
  type Server,
  type Tokens,
} from './conformance-process.ts'

/** `flags`: `--store` and `--store-url`. */
export function clusterSuite(store: string, flags: () => string[]): void {
  // Processes start slowly on a busy machine.
  vi.setConfig({ testTimeout: 90_000 })

  describe.each(['jwt', 'opaque'])(`two instances on one ${store}, %s`, (kind) => {
    let one: Server
    let two: Server
    let balancer: Awaited<ReturnType<typeof startBalancer>>
    let issuer: string
    let resource: string
    beforeAll(async () => {
      balancer = await startBalancer()
      issuer = balancer.base
      resource = `${issuer}/mcp`
      const shared = [...flags(), '--issuer', issuer, '--deployment-secret', deploymentSecret]
      const all = [...shared, '--tokens', kind, '--test-controls']
      // At once, on a store that is empty before the first of them.
      ;[one, two] = await Promise.all([startConformanceServer(...all), startConformanceServer(...all)])
      balancer.targets.push(one, two)
    })
    afterAll(async () => {
      await balancer?.close()
      await Promise.all([one?.stop(), two?.stop()])
    })

    const post = (at: Server, path: string, form: Record<string, string>, headers = {}): Promise<Response> =>
      fetch(at.base + path, { method: 'POST', body: new URLSearchParams(form), headers })
    const refresh = (at: Server, client_id: string, { refresh_token }: Tokens): Promise<Tokens> =>
      token(at.base, { grant_type: 'refresh_token', client_id, refresh_token })
    const isActive = async (at: Server, { access_token }: Tokens): Promise<boolean> => {
      const authorization = `Basic ${btoa(`${encodeURIComponent(resource)}:${resourceSecret}`)}`
      const response = await post(at, '/introspect', { token: access_token }, { authorization })
      expect(response.status).toBe(200)
      return ((await response.json()) as { active: boolean }).active
    }
    /** At the guards and the introspection endpoints of both. */
    const alive = async (tokens: Tokens): Promise<unknown[]> => [
      await status(`${one.base}/mcp`, tokens),
      await status(`${two.base}/mcp`, tokens),
      await isActive(one, tokens),
      await isActive(two, tokens),
    ]
    const [living, dead] = [
      [200, 200, true, true],
      [401, 401, false, false],
    ]
    const register = async (at: Server): Promise<string> => {
      const body = JSON.stringify({ redirect_uris: [redirect], token_endpoint_auth_method: 'none' })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${at.base}/register`, { method: 'POST', body, headers })
      expect(response.status).toBe(201)
      return ((await response.json()) as { client_id: string }).client_id
    }
    const approve = (client_id: string): Promise<string> =>
      authorize(issuer, { client_id, resource, scope: 'notes:read' })

    test('registered at one, authorized at both, redeemed at one, refreshed at the other, introspected, revoked', async () => {
      const client = await register(one)
      const code = await approve(client)
      expect(balancer.served).toEqual(new Set([one, two]))
      const first = await token(one.base, redeem(code, client))
      expect(await alive(first)).toEqual(living)
      // TK1 at once: refused only.
      expect(await token(two.base, redeem(code, client))).toMatchObject({ error: 'invalid_grant' })
      expect(await alive(first)).toEqual(living)

      const second = await refresh(two, client, first)
      expect(await alive(second)).toEqual(living)
      // TK8 the answer lost, the other instance asked: the same successor.
      expect((await refresh(one, client, first)).refresh_token).toBe(second.refresh_token)

      const alone = { client_id: client, token: second.access_token }
      expect((await post(two, '/revoke', alone)).status).toBe(200)
      expect(await alive(second)).toEqual(dead)
      expect(await alive(first)).toEqual(living)
      const third = await refresh(one, client, second)
      expect(await alive(third)).toEqual(living)
      expect((await post(two, '/revoke', { client_id: client, token: third.refresh_token })).status).toBe(200)
      expect(await alive(third)).toEqual(dead)
      expect(await refresh(one, client, third)).toMatchObject({ error: 'invalid_grant' })
    })

    test('TK1 a code used at one and, later, at the other: refused, and what it brought is dead at both', async () => {
      const client = await register(two)
      const code = await approve(client)
      const tokens = await token(two.base, redeem(code, client))
      expect(await alive(tokens)).toEqual(living)
      for (const each of [one, two]) expect(await advance(each, '{"advance":6}')).toBe(200)
      expect(await token(one.base, redeem(code, client))).toMatchObject({ error: 'invalid_grant' })
      expect(await alive(tokens)).toEqual(dead)
      expect(await refresh(two, client, tokens)).toMatchObject({ error: 'invalid_grant' })
    })

    test('TK7 a refresh token used at one, its successor at the other, then the first again: the family is dead', async () => {
      const client = await register(one)
      const first = await token(two.base, redeem(await approve(client), client))
      const second = await refresh(one, client, first)
      const third = await refresh(two, client, second)
      expect(await alive(third)).toEqual(living)
      expect(await refresh(one, client, first)).toMatchObject({ error: 'invalid_grant' })
      expect(await refresh(two, client, third)).toMatchObject({ error: 'invalid_grant' })
      expect(await alive(third)).toEqual(dead)
    })

    test('TK3 TK9 40 who redeem one code, 40 who refresh one token, at both: one winner, one successor', async () => {
      const client = await register(two)
      const code = await approve(client)
      const at = (i: number): Server => (i % 2 === 0 ? one : two)
      const crowd = <T>(ask: (at: Server) => Promise<T>): Promise<T[]> =>
        Promise.all(Array.from({ length: 40 }, (_, i) => ask(at(i))))
      const answers = await crowd(({ base }) => token(base, redeem(code, client)))
      const winners = answers.filter(({ error }) => error === undefined)
      expect(winners).toHaveLength(1)
      const refreshed = await crowd((each) => refresh(each, client, winners[0]!))
      expect(new Set(refreshed.map(({ refresh_token }) => refresh_token)).size).toBe(1)
      expect(await alive(refreshed[0]!)).toEqual(living)
    })
  })
}

/** Each request goes to the next target, with its `Host` as it came. */
export async function startBalancer(): Promise<{
  base: string
  targets: Server[]
  served: Set<Server>
  close(): Promise<void>
}> {
  const targets: Server[] = []
  const served = new Set<Server>()
  let next = 0
  const server = createServer((incoming, outgoing) => {
    const target = targets[next++ % targets.length]!
    served.add(target)
    const { method, headers, url } = incoming
    const passed = forward(new URL(url!, target.base), { method: method!, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    served,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
