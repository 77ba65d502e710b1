// `toNodeHandler` on the `node:http` of Deno and of Bun.
import { bin, program } from '../support/runtime-hosts.ts'
import { adapterSuite } from './adapter.suite.ts'

const runtimes: [name: string, command: string[]][] = [
  ['deno', [bin('deno'), 'run', '-A', 'test/adapter/node-host.ts']],
  ['bun', [bin('bun'), 'test/adapter/node-host.ts']],
]

for (const [name, command] of runtimes)
  adapterSuite(
    `tollgate/node on ${name}`,
    async (url, keys) => ({
      close: await program(command)({
        port: Number(new URL(url).port),
        variables: { PUBLIC_URL: url, KEYS: JSON.stringify(keys) },
      }),
    }),
    { strips: true },
  )
