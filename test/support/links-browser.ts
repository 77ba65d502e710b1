// A server whose users link accounts, for Chromium: the provider is a page on a host of its own.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { linkedAccounts, type LinkedAccounts } from '../../src/authorization-server/link/linked-accounts.ts'
import { createResourceServer } from '../../src/index.ts'
import type { AuthInfo } from '../../src/types.ts'
import { FakeProvider } from './links.ts'
import { signIn, type BrowserRig } from './pages-browser.ts'

/** A provider whose authorization page has a button that sends the browser back. */
class PageProvider extends FakeProvider {
  readonly #url: string

  constructor(provider: string, name: string, url: string) {
    super(provider, name)
    this.#url = url
  }

  override start(request: Request, flow: Parameters<FakeProvider['start']>[1]): Response {
    const started = super.start(request, flow)
    const { search } = new URL(started.headers.get('location')!)
    return new Response(null, { status: 302, headers: { location: `${this.#url}/${search}` } })
  }
}

export interface BrowserLinks {
  readonly github: FakeProvider
  readonly google: FakeProvider
  readonly links: LinkedAccounts
  close(): Promise<void>
}

export async function startProviders(): Promise<BrowserLinks> {
  const server: Server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const back = new URL(searchParams.get('redirect_uri') ?? 'http://localhost')
    back.search = new URLSearchParams({ state: searchParams.get('state') ?? '', code: 'code' }).toString()
    const link = back.href.replaceAll('&', '&amp;')
    response.setHeader('content-type', 'text/html').end(`<title>Provider</title><a href="${link}">Allow</a>`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const github = new PageProvider('github', 'GitHub', url)
  const google = new PageProvider('google', 'Google', url)
  github.account = github.accountOf('ada-l')
  google.account = google.accountOf('ada@example.com')
  return {
    github,
    google,
    links: linkedAccounts({
      github: { signIn: github, uses: ['Read and create issues in your repositories', 'Star repositories'] },
      google,
    }),
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** The user connects the app; what its tools have. The browser stays signed in. */
export async function connectApp(rig: BrowserRig, page: Page, user: string): Promise<AuthInfo> {
  await page.goto(await rig.url())
  await signIn(page, user)
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'Back in the app' }).waitFor()
  const token = await rig.accessToken('desk', `${rig.appOrigin}/callback`)
  let auth: AuthInfo | undefined
  const guarded = createResourceServer({
    resource: rig.resource,
    authorizationServers: [rig.as],
    clock: () => Date.now() / 1000 + rig.ahead,
  }).protect((_, found) => {
    auth = found
    return new Response('ok')
  })
  const request = new Request(rig.resource, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  const { status } = await guarded(request)
  if (auth === undefined) throw new Error(`The token is refused: ${status}`)
  return auth
}
