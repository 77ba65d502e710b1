// Authorization servers to try our client on, each started as its users start it, with the notes server
// behind it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { startHost, type Host } from './runtime-hosts.ts'
import { freePort } from './runtime-port.ts'
import { bundle, compatibility, startWorkerd } from './runtime-workerd.ts'

/**
 * By name; `ends`: whether an access token is dead at the MCP server as soon as it is revoked; `atOnce`:
 * whether the first challenge asks for every scope.
 */
export const servers: { name: string; ends: boolean; atOnce?: true; start: () => Promise<Host> }[] = [
  { name: 'Tollgate on Node', ends: false, atOnce: true, start: () => startHost('node', 'internal') },
  { name: 'Tollgate in workerd', ends: false, atOnce: true, start: () => startHost('workerd', 'internal') },
  { name: 'the conformance server, JWT', ends: true, start: () => conformanceServer('jwt') },
  { name: 'the conformance server, opaque', ends: true, start: () => conformanceServer('opaque') },
  { name: 'oidc-provider', ends: false, start: () => startHost('node', 'jwt') },
  { name: '@cloudflare/workers-oauth-provider in workerd', ends: true, start: workersOauthProvider },
]

async function conformanceServer(tokens: 'jwt' | 'opaque'): Promise<Host> {
  const script = join(import.meta.dirname, '../../scripts/conformance-server.ts')
  const child = spawn(process.execPath, [script, '--port', '0', '--tokens', tokens], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    void ended.then(() => reject(new Error('The conformance server ended')))
  })
  return {
    url: new URL(`${base}/mcp`),
    async close() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function workersOauthProvider(): Promise<Host> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const miniflare = await startWorkerd({
    ...compatibility,
    script: await bundle(join(import.meta.dirname, 'client-oauth-provider-worker.ts')),
    kvNamespaces: ['OAUTH_KV'],
    bindings: { ORIGIN: origin },
    port,
  })
  return { url: new URL(`${origin}/mcp`), close: () => miniflare.dispose() }
}
