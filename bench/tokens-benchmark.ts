// Code exchange and refresh, in process, ES256 JWTs: Request to Response at the token endpoint, each code and refresh token used once.
import { createHash, randomBytes } from 'node:crypto'
import { createAuthorizationServer, dangerouslyDevSignIn } from '../dist/authorization-server/index.js'
import { memoryStore } from '../dist/store/memory.js'
import { bar, quantile, table } from './harness.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { workersProvider } from './workers-oauth-provider.ts'

/** What is measured: codes are made beforehand, so that the exchange alone counts. */
interface Issuer {
  name: string
  code(): Promise<unknown>
  exchange(code: never): Promise<Record<string, string>>
  refresh(token: string): Promise<Record<string, string>>
}

const issuer = 'http://127.0.0.1:4000'
const resource = `${issuer}/mcp`
const redirect = 'http://127.0.0.1:5000/cb'

/** Ours, driven through its own pages as a browser would. */
async function tollgate(): Promise<Issuer> {
  const as = createAuthorizationServer({
    issuer,
    store: memoryStore(),
    signIn: dangerouslyDevSignIn(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read', 'notes:write': 'Write' } } },
    clients: [{ client_id: 'bench', redirect_uris: [redirect], token_endpoint_auth_method: 'none' }],
    rateLimit: { limit: async () => ({ success: true }) },
  })
  const handle = async (request: Request): Promise<Response> => (await as.handle(request))!
  const jar = new Map<string, string>()
  const browse = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    if (init.method === 'POST') headers.set('sec-fetch-site', 'same-origin')
    const response = await handle(new Request(url, { ...init, headers }))
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      jar.set(name!, value!)
    }
    return response
  }
  const code = async (): Promise<{ code: string; verifier: string }> => {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'bench',
      redirect_uri: redirect,
      scope: 'notes:read notes:write',
      resource,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    let response = await browse(`${issuer}/authorize?${query}`)
    for (let step = 0; step < 6; step++) {
      const location = response.headers.get('location')
      if (location?.startsWith(redirect))
        return { code: new URL(location).searchParams.get('code')!, verifier }
      response =
        location === null
          ? await submit(await response.text(), browse)
          : await browse(new URL(location, issuer).href)
    }
    throw new Error('tollgate: no code after six steps')
  }
  const token = async (form: Record<string, string>): Promise<Record<string, string>> => {
    const response = await handle(
      new Request(`${issuer}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ client_id: 'bench', resource, ...form }).toString(),
      }),
    )
    if (response.status !== 200) throw new Error(`tollgate: ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  return {
    name: 'tollgate',
    code,
    exchange: (each: { code: string; verifier: string }) =>
      token({
        grant_type: 'authorization_code',
        code: each.code,
        code_verifier: each.verifier,
        redirect_uri: redirect,
      }),
    refresh: (refreshToken) => token({ grant_type: 'refresh_token', refresh_token: refreshToken }),
  }
}

/** Fills the form in as an approving user does. */
async function submit(
  html: string,
  browse: (url: string, init?: RequestInit) => Promise<Response>,
): Promise<Response> {
  const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(html)
  if (form === null) throw new Error(`tollgate: no form in ${html.slice(0, 200)}`)
  const body = new URLSearchParams()
  for (const [tag] of form[2]!.matchAll(/<(?:input|button)[^>]*>/g)) {
    const attribute = (name: string): string | undefined => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
    const name = attribute('name')
    if (name === undefined || /value="deny"/.test(tag)) continue
    body.append(name, attribute('value') || 'alice')
  }
  const action = form[1]!.replaceAll('&amp;', '&')
  return browse(new URL(action || '/authorize', issuer).href, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  })
}

export async function tokensBenchmark(): Promise<void> {
  const wop = await workersProvider()
  const oidc = await startOidcProvider()
  const issuers: Issuer[] = [await tollgate(), { name: 'workers-oauth-provider', ...wop }, oidc.issuer]
  const rounds = 24
  const n = 60
  const exchange = new Map<string, number[]>(issuers.map(({ name }) => [name, []]))
  const refresh = new Map<string, number[]>(issuers.map(({ name }) => [name, []]))
  try {
    for (let round = 0; round < rounds; round++) {
      for (const each of [...issuers].sort(() => Math.random() - 0.5)) {
        const codes: unknown[] = []
        for (let i = 0; i < n; i++) codes.push(await each.code())
        const clock = each === oidc.issuer ? oidc.cpu : cpu
        const started = clock()
        const tokens: string[] = []
        for (const code of codes) tokens.push((await each.exchange(code as never))['refresh_token']!)
        const exchanged = clock()
        for (const token of tokens) await each.refresh(token)
        const refreshed = clock()
        if (round < 6) continue // warm-up
        exchange.get(each.name)!.push((exchanged - started) / n)
        refresh.get(each.name)!.push((refreshed - exchanged) / n)
      }
    }
  } finally {
    oidc.stop()
  }
  for (const [title, samples, bars] of [
    ['Code exchange, ES256 JWT', exchange, { wop: 5, oidc: 2.5 }],
    ['Refresh, ES256 JWT', refresh, { wop: 5, oidc: undefined }],
  ] as const) {
    const medians = new Map([...samples].map(([name, all]) => [name, quantile(all, 0.5)]))
    const of = (name: string): number => medians.get(name)!
    table(`${title} (µs CPU; oidc-provider over loopback, its own process alone)`, [
      ['', 'µs CPU', 'x tollgate'],
      ...[...medians].map(([name, each]) => [name, each.toFixed(0), (each / of('tollgate')).toFixed(2)]),
    ])
    bar(
      'workers-oauth-provider : tollgate',
      of('workers-oauth-provider') / of('tollgate'),
      bars.wop,
      'at least',
    )
    if (bars.oidc)
      bar('oidc-provider : tollgate', of('oidc-provider') / of('tollgate'), bars.oidc, 'at least')
  }
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
