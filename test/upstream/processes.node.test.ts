// Two processes, one store, one provider over HTTP: upstream tokens at their expiry, and processes that are killed.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test, vi } from 'vitest'
import { s256 } from '../../src/protocol/pkce.ts'
import type { UpstreamTokens } from '../../src/types.ts'
import { upstream } from '../../src/upstream/index.ts'
import { refusal, Rig } from '../support/as.ts'
import { connect } from '../support/store-connect.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'
import type { ToolAnswer, ToolOptions, ToolOrder } from './tool-process.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const step of ending.splice(0).reverse()) await step()
})

interface Tool {
  child: ChildProcess
  ask(calls: number, at?: number): Promise<{ outcomes: string[]; events: string[] }>
  /** Resolves when it has stopped at the write that it was told. */
  stop(): Promise<void>
  kill(): Promise<void>
}

/** A user's grant whose upstream access token has just expired. */
async function expiredGrant() {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-vault-'))
  ending.push(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'store.db')
  const connection = await connect('node:sqlite', file)
  ending.push(() => connection.close())
  const idp = await startProvider()
  const issuer = 'http://127.0.0.1:9'
  const rig = new Rig({
    issuer,
    store: connection.store,
    signIn: upstream(idp.provider(), { admit: () => true }),
    fetch,
  })
  const real = Date.now() / 1000
  idp.lifetime = 300
  rig.now = real - idp.lifetime - 1
  idp.clock = () => rig.now
  const tokens = await rig.tokens('pub', { upstream: await signInAt(idp, rig.now) })
  idp.clock = () => Date.now() / 1000
  rig.now = real
  const { credentials } = idp.provider()
  const options: ToolOptions = {
    issuer,
    file,
    provider: idp.provider(),
    credentials: { ...credentials! } as never,
  }
  const start = (more: Partial<ToolOptions> = {}): Promise<Tool> =>
    startTool({ ...options, ...more }, tokens.access_token)
  const renewals = (): number =>
    idp.to('/token').filter(({ form }) => form.get('grant_type') === 'refresh_token').length
  return { idp, rig, tokens, start, renewals }
}

async function startProvider(): Promise<UpstreamImitation> {
  let idp!: UpstreamImitation
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const { method = 'GET', url = '/' } = incoming
    const body = method === 'GET' ? null : Buffer.concat(chunks)
    const headers = incoming.headers as Record<string, string>
    const response = await idp.handle(new Request(idp.issuer + url, { method, headers, body }))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(await response.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))))
  idp = new UpstreamImitation({ issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  idp.login({ sub: 'alice-1', name: 'Alice' })
  return idp
}

/** What a sign-in brings. */
async function signInAt(idp: UpstreamImitation, now: number): Promise<UpstreamTokens> {
  const verifier = 'a-verifier-of-more-than-forty-three-characters'
  const redirect = 'http://127.0.0.1:9/authorize/callback/acme'
  const query = { redirect_uri: redirect, code_challenge: await s256(verifier), scope: 'offline_access' }
  const back = await idp.visit(`${idp.issuer}/authorize?${new URLSearchParams(query)}`)
  const { clientId, clientSecret } = idp
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: back.searchParams.get('code')!,
    redirect_uri: redirect,
    code_verifier: verifier,
    client_id: clientId,
    client_secret: clientSecret!,
  })
  const answer = await idp.handle(new Request(`${idp.issuer}/token`, { method: 'POST', body }))
  const { access_token, refresh_token, expires_in } = (await answer.json()) as Record<string, never>
  return {
    accessToken: access_token!,
    refreshToken: refresh_token!,
    expiresAt: now + expires_in!,
    issuer: idp.issuer,
  }
}

async function startTool(options: ToolOptions, token: string): Promise<Tool> {
  const script = join(import.meta.dirname, 'tool-process.ts')
  const flags = ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']
  const child = spawn(process.execPath, [...flags, script, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
  }
  ending.push(kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<ToolAnswer> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the process ended')
    return JSON.parse(value) as ToolAnswer
  }
  const order = (calls: number, at: number): void => {
    child.stdin.write(`${JSON.stringify({ token, calls, at } satisfies ToolOrder)}\n`)
  }
  expect(await next()).toEqual({ ready: true })
  return {
    child,
    kill,
    async ask(calls, at = 0) {
      order(calls, at)
      const answer = await next()
      if (!('outcomes' in answer)) throw new Error(JSON.stringify(answer))
      return answer
    },
    async stop() {
      order(1, 0)
      expect(await next()).toEqual({ stopped: true })
    },
  }
}

test('50 parallel calls over two processes at expiry: one upstream refresh, and all get the new token', async () => {
  const { idp, start, renewals } = await expiredGrant()
  idp.on('/token', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return undefined
  })
  const tools = await Promise.all([start(), start()])
  const at = Date.now() + 200
  const answers = await Promise.all(tools.map((tool) => tool.ask(25, at)))
  expect(new Set(answers.flatMap(({ outcomes }) => outcomes))).toEqual(new Set(['upstream-access-1']))
  expect(answers.flatMap(({ outcomes }) => outcomes)).toHaveLength(50)
  expect(renewals()).toBe(1)
  expect(answers.flatMap(({ events }) => events).filter((type) => type === 'upstream.renewed')).toHaveLength(
    1,
  )
})

test('killed between the provider’s answer and the write: sign in again, with an event, never a loop', async () => {
  const { rig, tokens, start, renewals } = await expiredGrant()
  // The first write takes the lease, the second one has the renewed tokens.
  const holder = await start({ stopAt: { write: 2, when: 'before' } })
  await holder.stop()
  await holder.kill()
  expect(renewals()).toBe(1)
  const next = await start({ ahead: 16 })
  const { outcomes, events } = await next.ask(5)
  expect(new Set(outcomes)).toEqual(new Set(['invalid_grant']))
  expect(events).toContain('upstream.ended')
  for (let i = 0; i < 3; i++) {
    const again = await next.ask(1)
    expect(again.outcomes[0]).not.toMatch(/^upstream-access/)
    expect(again.events).not.toContain('upstream.ended')
  }
  expect(renewals()).toBe(2)
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
})

test('killed after the write: nothing is lost', async () => {
  const { idp, rig, tokens, start, renewals } = await expiredGrant()
  const holder = await start({ stopAt: { write: 2, when: 'after' } })
  await holder.stop()
  await holder.kill()
  const next = await start()
  expect((await next.ask(5)).outcomes).toEqual(Array.from({ length: 5 }, () => 'upstream-access-1'))
  expect(renewals()).toBe(1)
  // And the rotated refresh token is the one that was written.
  const later = await start({ ahead: idp.lifetime })
  expect((await later.ask(1)).outcomes).toEqual(['upstream-access-2'])
  expect((await rig.refresh(tokens.refresh_token)).status).toBe(200)
})

test('killed while it holds the lease, before the provider is asked: the next one goes on', async () => {
  const { start, renewals } = await expiredGrant()
  const holder = await start({ stopAt: { write: 1, when: 'after' } })
  await holder.stop()
  await holder.kill()
  expect(renewals()).toBe(0)
  const next = await start({ ahead: 16 })
  expect((await next.ask(5)).outcomes).toEqual(Array.from({ length: 5 }, () => 'upstream-access-1'))
  expect(renewals()).toBe(1)
})
