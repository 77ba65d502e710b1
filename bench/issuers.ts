// Those who issue tokens, each behind the same few functions; on Node as in workerd.
import { browse } from '../scripts/browser.ts'
import { createAuthorizationServer, ownLogin } from '../src/authorization-server/index.ts'
import type { Store, StoreRecord } from '../src/types.ts'

type Send = (request: Request) => Promise<Response>
type Fields = Record<string, string>

export interface Code {
  code: string
  code_verifier: string
}
export interface Issuer {
  name: string
  /** A new code. */
  code(): Promise<Code>
  /** Keeps what is stored now; `rewind` brings it back, so that the same codes can be exchanged again. */
  keep(): void
  rewind(): void
  /** A refresh token for a code, a successor for a refresh token. */
  exchange(code: Code): Promise<string>
  refresh(token: string): Promise<string>
}

export const redirectUri = 'http://127.0.0.1:5000/cb'

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** An authorization request with PKCE (RFC 7636), and the verifier that belongs to it. */
export async function authorizationRequest(
  parameters: Fields,
): Promise<{ query: string; code_verifier: string }> {
  const code_verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code_verifier))
  const query = new URLSearchParams({
    response_type: 'code',
    redirect_uri: redirectUri,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    ...parameters,
  })
  return { query: query.toString(), code_verifier }
}

export function tokenEndpoint(
  name: string,
  send: Send,
  url: string,
  fixed: Fields,
): Pick<Issuer, 'exchange' | 'refresh'> & { answer(fields: Fields): Promise<Fields> } {
  const answer = async (fields: Fields): Promise<Fields> => {
    const body = new URLSearchParams({ ...fixed, ...fields }).toString()
    // As every client sends it; on its way over the network the runtime writes the length itself.
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': `${body.length}`,
    }
    const response = await send(new Request(url, { method: 'POST', headers, body }))
    if (response.status !== 200) throw new Error(`${name}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Fields
  }
  return {
    answer,
    exchange: async (code) =>
      (await answer({ grant_type: 'authorization_code', redirect_uri: redirectUri, ...code }))[
        'refresh_token'
      ]!,
    refresh: async (token) =>
      (await answer({ grant_type: 'refresh_token', refresh_token: token }))['refresh_token']!,
  }
}

interface Counted {
  /** Adds every later call of the store. */
  count(calls: { read: number; write: number }): void
}

/** A store in memory that can be set back. */
function rewindableStore(): Store & Pick<Issuer, 'keep' | 'rewind'> & Counted {
  let records = new Map<string, StoreRecord>()
  let kept = records
  let version = 0
  let calls = { read: 0, write: 0 }
  return {
    count: (into) => void (calls = into),
    keep: () => void (kept = new Map(records)),
    rewind: () => void (records = new Map(kept)),
    async get(key) {
      calls.read++
      return records.get(key)
    },
    async put(key, value, { ifVersion, expiresAt }) {
      calls.write++
      if ((records.get(key)?.version ?? null) !== ifVersion) return undefined
      const next = String(++version)
      records.set(key, { value, version: next, expiresAt })
      return next
    },
    async delete(key, { ifVersion } = {}) {
      return (ifVersion === undefined || records.get(key)?.version === ifVersion) && records.delete(key)
    },
  }
}

/** Ours, driven through its own pages as a browser would. Its clock stands still, so that codes do not expire. */
export function tollgateIssuer(): Issuer & Counted {
  const issuer = 'https://notes.example.com'
  const resource = `${issuer}/mcp`
  const store = rewindableStore()
  const now = Date.now() / 1000
  let users = 0
  const as = createAuthorizationServer({
    issuer,
    clock: () => now,
    secret: 'of a benchmark, and of at least 32 bytes',
    store,
    signIn: ownLogin({ identify: () => ({ subject: `user-${users}` }), loginUrl: '/login' }),
    resources: { [resource]: { scopes: { 'notes:read': 'Read', 'notes:write': 'Write' } } },
    clients: [{ client_id: 'bench', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }],
    rateLimit: { limit: async () => ({ success: true }) },
  })
  const send: Send = async (request) => (await as.handle(request))!
  return {
    name: 'tollgate',
    count: store.count,
    keep: store.keep,
    rewind: store.rewind,
    async code() {
      users++
      const scope = 'notes:read notes:write'
      const { query, code_verifier } = await authorizationRequest({ client_id: 'bench', resource, scope })
      const end = await browse(`${issuer}/authorize?${query}`, redirectUri, { send })
      return { code: end.searchParams.get('code')!, code_verifier }
    },
    ...tokenEndpoint('tollgate', send, `${issuer}/token`, { client_id: 'bench', resource }),
  }
}

/** What nobody can do without: the request is read, a JWT is signed, the answer is written. No store, no checks, no rotation. */
export async function signatureAlone(): Promise<Issuer> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const { privateKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const claims = 'x'.repeat(400)
  const send: Send = async (request) => {
    const form = new URLSearchParams(await request.text())
    const signature = await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(claims))
    const body = {
      access_token: `${claims}.${base64url(new Uint8Array(signature))}`,
      refresh_token: form.get('code') ?? form.get('refresh_token'),
    }
    return new Response(JSON.stringify(body), {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  }
  const one = { code: 'c'.repeat(55), code_verifier: 'v'.repeat(43) }
  return {
    name: 'Request + signature + Response',
    code: async () => one,
    keep: () => undefined,
    rewind: () => undefined,
    ...tokenEndpoint('signature', send, 'http://127.0.0.1:4000/token', { client_id: 'bench' }),
  }
}
