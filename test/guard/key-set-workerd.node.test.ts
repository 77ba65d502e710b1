// Isolates, requests and the key set that they share: two Workers on one KV namespace, and a flight whose leader ends.
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Response as MiniflareResponse, type Miniflare, type Request as MiniflareRequest } from 'miniflare'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

let script = ''
let token = ''
let keys = ''
let miniflare: Miniflare | undefined
afterEach(async () => {
  await miniflare?.dispose()
  miniflare = undefined
})

beforeAll(async () => {
  script = await bundle(join(import.meta.dirname, 'key-set-worker.ts'))
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] })
  token = await new SignJWT({ client_id: 'c' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
    .setIssuer('https://as.example.com')
    .setAudience('https://notes.example.com/mcp')
    .setSubject('alice')
    .setIssuedAt()
    .setExpirationTime('5 min')
    .sign(privateKey)
})

const metadata = '/.well-known/oauth-authorization-server'

/** The issuer as the Workers see it: what it was asked for, and a gate before its first answer. */
function issuer() {
  const asked: string[] = []
  let open: () => void = () => undefined
  let gate: Promise<void> | undefined
  return {
    asked,
    hold: () => void (gate = new Promise((resolve) => (open = resolve))),
    release: () => open(),
    async answer(request: MiniflareRequest): Promise<MiniflareResponse> {
      const { pathname } = new URL(request.url)
      asked.push(pathname)
      const held = gate
      gate = undefined
      await held
      if (pathname === '/jwks') return new MiniflareResponse(keys)
      if (pathname !== metadata) return new MiniflareResponse(null, { status: 404 })
      return MiniflareResponse.json({
        issuer: 'https://as.example.com',
        jwks_uri: 'https://as.example.com/jwks',
      })
    },
  }
}

const worker = (name: string, as: ReturnType<typeof issuer>, waitUntil: boolean) => ({
  ...compatibility,
  name,
  script,
  bindings: { WAIT_UNTIL: waitUntil },
  kvNamespaces: { CACHE: 'shared' },
  outboundService: (request: MiniflareRequest) => as.answer(request),
})

const authorized = (): { headers: { authorization: string } } => ({
  headers: { authorization: `Bearer ${token}` },
})

test('two Workers on one KV namespace: the second one takes the keys that the first one fetched', async () => {
  const as = issuer()
  miniflare = await startWorkerd({ workers: [worker('a', as, true), worker('b', as, true)] })
  const [a, b] = [await miniflare.getWorker('a'), await miniflare.getWorker('b')]
  expect(await (await a.fetch('https://notes.example.com/mcp', authorized())).json()).toEqual({
    subject: 'alice',
  })
  expect(as.asked).toEqual([metadata, '/jwks'])
  expect(await (await b.fetch('https://notes.example.com/mcp', authorized())).json()).toEqual({
    subject: 'alice',
  })
  expect(as.asked).toHaveLength(2)
})

test.each([
  ['with waitUntil the flight goes on and serves both', true, [metadata, '/jwks']],
  ['without it the waiter makes its own call', false, [metadata, metadata, '/jwks']],
])(
  'rule 9: the request that leads a flight ends, the waiter is answered; %s',
  async (_name, waitUntil, asked) => {
    const as = issuer()
    as.hold()
    miniflare = await startWorkerd({ workers: [worker('a', as, waitUntil)] })
    const a = await miniflare.getWorker('a')
    const leader = await a.fetch('https://notes.example.com/lead', authorized())
    expect(await leader.text()).toBe('ended')
    expect(as.asked).toEqual([metadata])
    const waiter = a.fetch('https://notes.example.com/mcp', authorized())
    if (waitUntil) setTimeout(as.release, 300)
    expect((await waiter).status).toBe(200)
    as.release()
    expect(as.asked).toEqual(asked)
  },
)
