// ST3, ST4 and the price: what reaches the store, and what happens when it fails.
import { expect, test } from 'vitest'
import type { Suite } from './tokens.suite.ts'
import { ok, refusal } from '../support/as.ts'

export function storeRows({ rig, unchecked, checksAlways }: Suite): void {
  test('ST3 every record ends no later than what it is for, and expired ones count as absent', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    const code = r.store.written.find(({ key }) => key.endsWith(`${approved.grantId}:grant`))!
    expect(code.expiresAt! - code.at).toBeLessThanOrEqual(60)
    const tokens = await ok(await r.redeem(approved))
    await ok(await r.refresh(tokens.refresh_token))
    for (const { key, expiresAt, at } of r.store.written.filter((each) => !each.key.endsWith('keys:ring'))) {
      expect(expiresAt, key).toBeDefined()
      expect(expiresAt! - at, key).toBeLessThanOrEqual(180 * 86_400)
    }
    const grant = r.store.written.findLast(({ key }) => key.endsWith(':grant'))!
    expect(grant.expiresAt! - grant.at).toBeLessThanOrEqual(30 * 86_400)
  })

  test('ST4 a lost answer is recognised: the write stands, the flow goes on', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    let lost = 0
    r.store.after = ({ method, key }) => {
      if (method !== 'put' || !key.endsWith(':grant') || lost++ > 0) return
      throw new Error('connection reset')
    }
    const tokens = await ok(await r.redeem(approved))
    expect(lost).toBe(1)
    lost = 0
    const next = await ok(await r.refresh(tokens.refresh_token))
    expect(lost).toBe(1)
    lost = 1
    await ok(await r.refresh(next.refresh_token))
  })

  test('ST4 a store that is down: 503 with Retry-After, nothing issued, nothing burned', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    await ok(await r.redeem(await r.approve('pub')))
    r.store.before = () => {
      throw new Error('down')
    }
    const response = await r.redeem(approved)
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refusal(response)).toBe('503 temporarily_unavailable')
    r.store.before = ({ method }) => {
      if (method === 'put') throw new Error('read only')
    }
    expect(await refusal(await r.redeem(approved))).toBe('503 temporarily_unavailable')
    r.store.before = () => undefined
    const tokens = await ok(await r.redeem(approved))
    r.store.before = () => {
      throw new Error('down')
    }
    expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('503 temporarily_unavailable')
    const status = await r.call(tokens.access_token)
    expect(status).toBe(unchecked ? 200 : 503)
  })

  test('exact store calls: exchange and refresh one read and one conditional write, the guard none unless asked', async () => {
    const r = rig()
    const tokens = await r.tokens()
    const approved = await r.approve('pub')
    const count = async (work: () => Promise<unknown>): Promise<string> => {
      r.store.calls.length = 0
      await work()
      return r.store.calls.map(({ method, ifVersion }) => (ifVersion ? `${method} if` : method)).join(', ')
    }
    expect(await count(() => r.redeem(approved))).toBe('get, put if')
    expect(await count(() => r.refresh(tokens.refresh_token))).toBe('get, put if')
    await r.call(tokens.access_token)
    const each = checksAlways ? 'get' : ''
    expect(await count(() => r.call(tokens.access_token))).toBe(each)
  })
}
