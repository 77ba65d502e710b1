// The pages in Chromium, with a server on loopback that uses the development sign-in, and an app that gets
// the answer.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { toNodeHandler } from '../../src/adapter/node.ts'
import {
  createAuthorizationServer,
  type AuthorizationServerOptions,
  type EmbeddedAuthorizationServer,
} from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { s256 } from '../../src/protocol/pkce.ts'

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const verifier = 'a-verifier-of-more-than-forty-three-characters'

export class BrowserRig {
  readonly issuer: string
  readonly appOrigin: string
  readonly as: EmbeddedAuthorizationServer
  readonly resource: string
  /** Another one, with a scope that it requires. */
  readonly second: string
  /** Seconds since the epoch; starts at the real time, because cookies go by that. */
  ahead = 0
  /** Paths that end in an empty page, and where the browser was sent: as if it had been stopped on its way. */
  readonly stopped = new Map<string, string | undefined>()
  /** What came back to the app. */
  readonly answers: URLSearchParams[] = []
  readonly #servers: Server[]
  readonly #browser: Browser

  private constructor(
    browser: Browser,
    servers: { issuer: Listening; app: Listening },
    options: Partial<AuthorizationServerOptions>,
  ) {
    this.#browser = browser
    this.#servers = [servers.issuer.server, servers.app.server]
    this.issuer = servers.issuer.origin
    this.appOrigin = servers.app.origin
    this.resource = `${this.issuer}/mcp`
    this.second = `${this.issuer}/calendar/mcp`
    this.as = createAuthorizationServer({
      issuer: this.issuer,
      store: memoryStore(),
      signIn: dangerouslyDevSignIn(),
      clock: () => Date.now() / 1000 + this.ahead,
      resources: {
        [this.resource]: {
          name: 'Notes',
          scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Create, change and delete notes' },
        },
        [this.second]: {
          name: 'Calendar',
          scopes: {
            'events:read': 'See your events',
            'events:write': 'Create and change events',
            'events:share': 'Invite other people',
          },
          requiredScopes: ['events:read'],
        },
      },
      clients: [
        {
          client_id: 'desk',
          client_name: 'Desk Assistant',
          redirect_uris: ['http://127.0.0.1:1/callback'],
        },
        {
          client_id: 'web',
          client_name: 'Web Assistant',
          redirect_uris: ['https://assistant.test/callback'],
        },
      ],
      ...options,
    })
    servers.issuer.serve(
      toNodeHandler(async (request) => {
        const { pathname, href } = new URL(request.url)
        if (this.stopped.has(pathname)) {
          this.stopped.set(pathname, href)
          return new Response('stopped')
        }
        return (await this.as.handle(request)) ?? new Response('not found', { status: 404 })
      }),
    )
    servers.app.serve((request, response) => {
      const url = new URL(request.url ?? '/', this.appOrigin)
      if (url.pathname === '/callback') this.answers.push(url.searchParams)
      response.setHeader('content-type', 'text/html').end('<title>App</title><h1>Back in the app</h1>')
    })
  }

  /** A function gets the issuer, for what has to be registered elsewhere. */
  static async start(
    options:
      | Partial<AuthorizationServerOptions>
      | ((issuer: string) => Promise<Partial<AuthorizationServerOptions>>) = {},
  ): Promise<BrowserRig> {
    const browser = await launchBrowser()
    const [issuer, app] = await Promise.all([listen(), listen()])
    const resolved = typeof options === 'function' ? await options(issuer.origin) : options
    return new BrowserRig(browser, { issuer, app }, resolved)
  }

  /** A new browser window without cookies. */
  async newPage(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1000, height: 900 }, ...options })
    // No app on the web can be reached from here; that the browser was sent there is what counts.
    context.on('request', (request) => {
      if (request.url().startsWith('https:')) this.answers.push(new URL(request.url()).searchParams)
    })
    return context.newPage()
  }

  async url(parameters: Readonly<Record<string, string>> = {}): Promise<string> {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'desk',
      redirect_uri: `${this.appOrigin}/callback`,
      code_challenge: await s256(verifier),
      code_challenge_method: 'S256',
      scope: 'notes:read notes:write',
      state: 'state',
      resource: this.resource,
      ...parameters,
    })
    return `${this.issuer}/authorize?${query}`
  }

  /** Registers an app and tells its id. */
  async register(metadata: Record<string, unknown>): Promise<string> {
    const response = await this.as.handle(
      new Request(`${this.issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token_endpoint_auth_method: 'none', ...metadata }),
      }),
    )
    const body = (await response!.json()) as { client_id: string }
    if (response!.status !== 201) throw new Error(JSON.stringify(body))
    return body.client_id
  }

  /** Redeems what came back last. */
  async redeem(clientId: string, redirectUri: string): Promise<number> {
    return (await this.#redeem(clientId, redirectUri)).status
  }

  /** The access token for what came back last. */
  async accessToken(clientId: string, redirectUri: string): Promise<string> {
    const response = await this.#redeem(clientId, redirectUri)
    return ((await response.json()) as { access_token: string }).access_token
  }

  async #redeem(clientId: string, redirectUri: string): Promise<Response> {
    const response = await this.as.handle(
      new Request(`${this.issuer}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          redirect_uri: redirectUri,
          code: this.answers.at(-1)?.get('code') ?? '',
          code_verifier: verifier,
        }).toString(),
      }),
    )
    return response!
  }

  async close(): Promise<void> {
    await this.#browser.close()
    for (const server of this.#servers) {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    }
  }
}

/** The system's Chromium, which reaches nothing but loopback. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ].concat(['background-networking', 'component-update', 'sync'].map((each) => `--disable-${each}`)),
  })
}

/** Signs in by the development page, wherever it stands. */
export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** What axe-core finds: rule and place, nothing else. */
export async function findings(page: Page): Promise<string[]> {
  // The page's policy lets no script in; the debugger's evaluation is not subject to it.
  await page.evaluate(axe)
  const results = await page.evaluate<AxeResults>('axe.run()')
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

interface AxeResults {
  violations: { id: string; nodes: { html: string }[] }[]
}

interface Listening {
  server: Server
  origin: string
  serve(listener: RequestListener): void
}

async function listen(): Promise<Listening> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { server, origin, serve: (listener) => void server.on('request', listener) }
}
