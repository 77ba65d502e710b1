import { workersProvider } from './workers-oauth-provider.ts'
import { Rig } from '../test/support/as.ts'
const wp = await workersProvider()
const rig = new Rig({ onEvent: undefined } as never)
const n = 400
const med = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!.toFixed(0)
const R: Record<string, number[]> = {}
const rec = (k: string, t: NodeJS.CpuUsage) => { const u = process.cpuUsage(t); (R[k] ??= []).push((u.user + u.system) / n) }
for (let round = 0; round < 9; round++) {
  const a = [], b = []
  for (let i = 0; i < n; i++) { a.push(await rig.approve('pub', { subject: `u${round}-${i}` })); b.push(await wp.code()) }
  let t = process.cpuUsage(); const ra = []
  for (const c of a) ra.push(await (await rig.redeem(c)).json())
  rec('ours exchange', t)
  t = process.cpuUsage(); const rb = []
  for (const c of b) rb.push(await wp.exchange(c))
  rec('wop exchange', t)
  t = process.cpuUsage()
  for (const c of ra) await (await rig.refresh(c.refresh_token)).json()
  rec('ours refresh', t)
  t = process.cpuUsage()
  for (const c of rb) await wp.refresh(c['refresh_token']!)
  rec('wop refresh', t)
}
for (const [k, v] of Object.entries(R)) console.log(k, med(v))
