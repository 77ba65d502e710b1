// oidc-provider in a process of its own, ES256 JWT access tokens. Its codes come through its own development pages.
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const redirect = 'http://127.0.0.1:5000/cb'
const resource = 'https://mcp.example.com/mcp'

export async function startOidcProvider() {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'oidc-provider-server.ts')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer]
  const origin = chunk.toString().trim()
  const jar = new Map<string, string>()

  async function browse(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      if (value === '') jar.delete(name!)
      else jar.set(name!, value!)
    }
    return response
  }

  async function code(): Promise<{ code: string; verifier: string }> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'bench',
      redirect_uri: redirect,
      scope: 'openid offline_access notes:read',
      prompt: 'consent',
      resource,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    let response = await browse(`${origin}/auth?${query}`)
    for (let step = 0; step < 12; step++) {
      const location = response.headers.get('location')
      if (location?.startsWith(redirect)) {
        const found = new URL(location).searchParams.get('code')
        if (found === null) throw new Error(`oidc-provider: ${location}`)
        return { code: found, verifier }
      }
      if (location !== null) response = await browse(new URL(location, origin).href)
      else {
        const html = await response.text()
        const action = /action="([^"]+)"/.exec(html)?.[1]
        if (action === undefined) throw new Error(`oidc-provider: ${html.slice(0, 300)}`)
        const prompt = /name="prompt" value="([^"]+)"/.exec(html)?.[1] ?? 'login'
        const body = new URLSearchParams(
          prompt === 'login' ? { prompt, login: 'alice', password: 'x' } : { prompt },
        )
        response = await browse(new URL(action, origin).href, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: body.toString(),
        })
      }
    }
    throw new Error('oidc-provider: no code after twelve steps')
  }

  async function token(form: Record<string, string>): Promise<Record<string, string>> {
    const response = await fetch(`${origin}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: 'bench', resource, ...form }).toString(),
    })
    if (response.status !== 200) throw new Error(`oidc-provider: ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }

  return {
    issuer: {
      name: 'oidc-provider',
      code,
      exchange: (each: { code: string; verifier: string }) =>
        token({
          grant_type: 'authorization_code',
          code: each.code,
          code_verifier: each.verifier,
          redirect_uri: redirect,
        }),
      refresh: (refreshToken: string) => token({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    },
    /** µs of CPU that the process has used, from the kernel. */
    cpu(): number {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    },
    stop: () => void child.kill(),
  }
}
