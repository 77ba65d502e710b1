// oidc-provider in a process of its own, ES256 JWT access tokens. Its codes come through its own development pages.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { browse } from '../scripts/browser.ts'
import { authorizationRequest, redirectUri, tokenEndpoint, type Issuer } from './issuers.ts'
import { cpuOf } from './process.ts'

export async function startOidcProvider(): Promise<{
  issuer: Omit<Issuer, 'keep' | 'rewind'>
  cpu(): number
  stop(): void
}> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'oidc-provider-server.ts')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  const origin = chunk.toString().trim()
  const resource = 'https://mcp.example.com/mcp'
  const cookies = new Map<string, string>()
  const issuer: Omit<Issuer, 'keep' | 'rewind'> = {
    name: 'oidc-provider',
    async code() {
      const { query, code_verifier } = await authorizationRequest({
        client_id: 'bench',
        scope: 'openid offline_access notes:read',
        prompt: 'consent',
        resource,
      })
      const end = await browse(`${origin}/auth?${query}`, redirectUri, { cookies })
      return { code: end.searchParams.get('code')!, code_verifier }
    },
    ...tokenEndpoint('oidc-provider', fetch, `${origin}/token`, { client_id: 'bench', resource }),
  }
  return { issuer, cpu: () => cpuOf(child.pid!), stop: () => void child.kill() }
}
