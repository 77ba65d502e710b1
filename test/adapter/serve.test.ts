// Deno and Bun need no adapter: `Deno.serve` and `Bun.serve` with the guarded handler as it is.
import { bin, program } from '../support/runtime-hosts.ts'
import { adapterSuite, type HostFacts } from './adapter.suite.ts'

const servers: [name: string, command: string[], facts: HostFacts][] = [
  ['Deno.serve', [bin('deno'), 'run', '-A', 'test/adapter/serve-host.ts'], {}],
  ['Bun.serve', [bin('bun'), 'test/adapter/serve-host.ts'], { unknownMethods: false }],
]

for (const [name, command, facts] of servers)
  adapterSuite(
    name,
    async (url, keys) => ({
      close: await program(command)({
        port: Number(new URL(url).port),
        variables: { PUBLIC_URL: url, KEYS: JSON.stringify(keys) },
      }),
    }),
    facts,
  )
