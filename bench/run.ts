// `npm run bench [exact] [guard] [workerd] [tokens] [cold] [http]`: ratios against the peers and against the physical limit, in one run, each with
// its bar; at the end the bars that were missed.
import { summary } from './harness.ts'

const wanted = process.argv.slice(2)
const all = {
  exact: async () => (await import('./exact.ts')).exactBars(),
  guard: async () => (await import('./guard.ts')).guardBenchmark(),
  workerd: async () => (await import('./workerd.ts')).workerdBenchmark(),
  tokens: async () => {
    const { tokensBenchmark, tokensInWorkerd } = await import('./tokens-benchmark.ts')
    await tokensBenchmark()
    await tokensInWorkerd()
  },
  cold: async () => (await import('./cold-start.ts')).coldStartBenchmark(),
  http: async () => (await import('./http.ts')).httpBenchmark(),
}
for (const [name, benchmark] of Object.entries(all))
  if (wanted.length === 0 || wanted.includes(name)) await benchmark()
summary()
process.exit(0)
