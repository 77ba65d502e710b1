// What a Worker costs that workerd has never seen: an isolate, the script, its top level and the first request.
import { bar, quantile, table } from './harness.ts'
import { bundle, inWorkerd } from './workerd-run.ts'

const contestants = {
  'an empty Worker': 'empty',
  tollgate: 'guard',
  'tollgate with its authorization server': 'authorization-server',
  'workers-oauth-provider': 'workers-oauth-provider',
  'mcp-handler + jose': 'mcp-handler',
}
const loads = 20
const rounds = 11

export async function coldStartBenchmark(): Promise<void> {
  const names = Object.keys(contestants)
  const scripts: Record<string, string> = {}
  for (const [name, file] of Object.entries(contestants))
    scripts[name] = await bundle(`cold-start/${file}.ts`)
  const options = { bindings: { SCRIPTS: scripts }, workerLoaders: { LOADER: {} } }
  const samples = new Map<string, number[]>(names.map((name) => [name, []]))
  // workerd keeps what it has loaded, so every round has a workerd of its own; its first load warms it up.
  for (let round = 0; round < rounds; round++)
    await inWorkerd('cold-start/host.ts', options, async (ask, clock) => {
      await ask(`name=${encodeURIComponent(names[0]!)}&n=${loads}`)
      for (const name of [...names].sort(() => Math.random() - 0.5)) {
        const before = clock()
        await ask(`name=${encodeURIComponent(name)}&n=${loads}`)
        samples.get(name)!.push((clock() - before) / loads / 1000)
      }
    })
  const cpu = new Map([...samples].map(([name, all]) => [name, quantile(all, 0.5)]))
  const more = (name: string): number => cpu.get(name)! - cpu.get('an empty Worker')!
  table('Cold start in workerd (ms CPU)', [
    ['', 'ms CPU', 'more than the empty one'],
    ...names.map((name) => [name, cpu.get(name)!.toFixed(1), more(name).toFixed(1)]),
  ])
  bar('cold start over an empty Worker, tollgate (ms)', more('tollgate'), 2, 'at most')
  const both = more('tollgate with its authorization server')
  bar('cold start, with its authorization server (ms)', both, 5, 'at most')
}
