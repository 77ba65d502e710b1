// The conformance server as others use it: a process, its flags, HTTP.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { browse } from '../../scripts/browser.ts'

const script = join(import.meta.dirname, '../../scripts/conformance-server.ts')
const verifier = 'a-verifier-that-is-long-enough-for-the-rule-of-43'
export const redirect = 'http://127.0.0.1:4100/callback'
export const deploymentSecret = 'one deployment, two instances, one secret'
/** The default of `--secret`: also that of the two resources at the introspection endpoint. */
export const resourceSecret = 'conformance-secret-for-loopback-only'

export interface Server {
  child: ChildProcess
  base: string
  ended: Promise<number | null>
  stop(): Promise<number | null>
}

/** Starts it on a free port; fails with what it wrote where it ends instead. */
export async function startConformanceServer(...flags: string[]): Promise<Server> {
  const child = spawn(process.execPath, [script, '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const base = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    void ended.then((code) => reject(new Error(`ended with ${code}: ${errors}`)))
  })
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM')
    return ended
  }
  return { child, base, ended, stop }
}

const challenge = async (): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url')

/** From the front page to what comes back; `at`: where the user's browser goes. */
export async function authorize(at: string, parameters: Record<string, string>): Promise<string> {
  const url = new URL('/authorize', at)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: 'conformance-public',
    redirect_uri: redirect,
    code_challenge: await challenge(),
    code_challenge_method: 'S256',
    ...parameters,
  }).toString()
  const { searchParams } = await browse(url, redirect)
  const code = searchParams.get('code')
  if (code === null) throw new Error(`no code: ${searchParams.toString()}`)
  return code
}

export interface Tokens {
  access_token: string
  refresh_token: string
  error?: string
}

export async function token(
  at: string,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Tokens> {
  const body = new URLSearchParams({ ...parameters })
  return (await fetch(new URL('/token', at), { method: 'POST', body, headers })).json() as Promise<Tokens>
}

export const redeem = (code: string, client_id = 'conformance-public'): Record<string, string> => ({
  grant_type: 'authorization_code',
  client_id,
  redirect_uri: redirect,
  code_verifier: verifier,
  code,
})

const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'list_notes', arguments: {} },
})

/** What a call with this token is answered with. */
export async function status(url: string, { access_token }: Tokens): Promise<number> {
  const headers = {
    authorization: `Bearer ${access_token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const response = await fetch(url, { method: 'POST', body: call, headers })
  await response.text()
  return response.status
}

/** Moves the clock of a server that was started with `--test-controls`. */
export async function advance({ base }: Server, body: string): Promise<number> {
  return (await fetch(`${base}/__test/clock`, { method: 'POST', body })).status
}
