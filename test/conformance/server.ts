// The official suite's server scenarios, against an MCP server as it is and behind the guard: the guard must change nothing, but for
// DNS rebinding, against which it protects.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startServers } from './mcp-server.ts'

const suite = join(import.meta.dirname, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
const rebinding = 'dns-rebinding-protection'

export async function serverConformance(): Promise<{ passed: number; problems: string[] }> {
  const problems: string[] = []
  let passed = 0
  const servers = await startServers()
  try {
    for (const revision of ['2025-11-25', '2026-07-28']) {
      const bare = await run(servers.bare, revision)
      const guarded = await run(servers.guarded, revision)
      console.log(`MCP server behind the guard, ${revision}: ${guarded.size} scenarios`)
      for (const scenario of new Set([...bare.keys(), ...guarded.keys()])) {
        const wanted = scenario === rebinding ? '2 passed, 0 failed' : bare.get(scenario)
        if (guarded.get(scenario) === wanted) passed++
        else
          problems.push(
            `${scenario} (${revision}): behind the guard ${guarded.get(scenario)}, expected ${wanted}`,
          )
      }
      // A suite that ran nothing, or a server that answered nothing, is no judge.
      const simple = 'tools-call-simple-text'
      if (guarded.size < 25 || !guarded.get(simple)?.endsWith(', 0 failed'))
        problems.push(`${revision}: ${guarded.size} scenarios, ${simple}: ${guarded.get(simple)}`)
    }
  } finally {
    await servers.close()
  }
  return { passed, problems }
}

/** What each scenario counted. The suite's own exit code says that some failed, as they do on a small server. */
async function run(url: string, revision: string): Promise<Map<string, string>> {
  const args = [suite, 'server', '--url', url, '--suite', 'all', '--spec-version', revision]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await once(child, 'close')
  const lines = output.replaceAll(/\u001B\[\d+m/g, '').matchAll(/^[✓✗] ([\w-]+): (\d+ passed, \d+ failed)/gm)
  return new Map([...lines].map(([, scenario, counts]) => [scenario!, counts!]))
}
