// Introspection in workerd: two Workers that share answers through KV, and a question whose asker ends before the answer.
import { join } from 'node:path'
import { Response as MiniflareResponse, type Miniflare, type Request as MiniflareRequest } from 'miniflare'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'

let script = ''
let miniflare: Miniflare | undefined
beforeAll(async () => {
  script = await bundle(join(import.meta.dirname, 'introspection-worker.ts'))
})
afterEach(async () => {
  await miniflare?.dispose()
  miniflare = undefined
})

const url = 'https://notes.example.com/mcp'
const authorized = { headers: { authorization: 'Bearer opaque' } }

/** Counts questions; the first one can be held. */
function issuer(): {
  asked: number
  hold(): void
  release(): void
  answer(request: MiniflareRequest): Promise<MiniflareResponse>
} {
  let open: () => void = () => undefined
  let gate: Promise<void> | undefined
  return {
    asked: 0,
    hold: () => void (gate = new Promise((resolve) => (open = resolve))),
    release: () => open(),
    async answer() {
      this.asked++
      const held = gate
      gate = undefined
      await held
      const exp = Math.floor(Date.now() / 1000) + 600
      return MiniflareResponse.json({ active: true, sub: 'alice', client_id: 'c', aud: url, exp })
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

test('shared: the second Worker takes the answer that the first one got', async () => {
  const as = issuer()
  miniflare = await startWorkerd({ workers: [worker('a', as, true), worker('b', as, true)] })
  for (const name of ['a', 'b']) {
    const response = await (await miniflare.getWorker(name)).fetch(url, authorized)
    expect(await response.json()).toEqual({ subject: 'alice' })
  }
  expect(as.asked).toBe(1)
})

test.each([true, false])(
  'waitUntil %s: the asker’s request ends, and who waits with it is answered',
  async (waitUntil) => {
    const as = issuer()
    as.hold()
    miniflare = await startWorkerd({ workers: [worker('a', as, waitUntil)] })
    const a = await miniflare.getWorker('a')
    const leader = a.fetch('https://notes.example.com/lead', authorized)
    await expect.poll(() => as.asked).toBe(1)
    const waiter = a.fetch(url, authorized)
    expect(await (await leader).text()).toBe('ended')
    if (waitUntil) as.release()
    // Without waitUntil the first request may end: the waiter stops waiting and asks itself.
    expect(await (await waiter).json()).toEqual({ subject: 'alice' })
    expect(as.asked).toBe(waitUntil ? 1 : 2)
    as.release()
  },
)
