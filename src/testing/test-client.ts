import { createClient, type Redirect } from '../client/index.ts'
import { defined } from '../lib/defined.ts'
import {
  custom,
  func,
  list,
  object,
  oneOf,
  optionError,
  readOptions,
  record,
  text,
  type OptionalOption,
} from '../lib/options.ts'
import type { Awaitable, Clock, Fetch } from '../types.ts'
import { createBrowser } from './browser.ts'
import { createUser, type TestUser } from './user.ts'

/** The server under test: a function from request to response, or an object with `fetch` or `handle`. */
export type TestServer =
  | ((request: Request) => Awaitable<Response | undefined>)
  | { fetch(request: Request): Awaitable<Response | undefined> }
  | { handle(request: Request): Promise<Response | undefined> }

/** Options of {@link testClient}. */
export interface TestClientOptions extends TestUser {
  /**
   * Answers requests to other origins than that of the MCP server, for example an imitation of the identity
   * provider. Default: the server under test answers all.
   */
  outside?: Fetch
  /**
   * Seconds since the epoch. Pass the server's clock, or its tokens are renewed at the wrong time. Default:
   * the system's clock.
   */
  clock?: Clock
  /** Shown on the consent page. Default: `Test client`. */
  clientName?: string
}

/** The tokens of the last token response. */
export interface TestTokens {
  /** As the server answered it. */
  readonly accessToken: string
  /** Absent: the server gave none. */
  readonly refreshToken?: string
  /** What was granted. */
  readonly scopes: readonly string[]
  /** In seconds. Absent: the server did not say. */
  readonly expiresIn?: number
}

/** A client whose user signs in and consents by itself. */
export interface TestClient {
  /**
   * `fetch` with authorization: a 401 makes the user sign in and consent, a 403 `insufficient_scope` makes
   * it consent to more. For the official SDK's transport, too. Rejects as `createClient().fetch` does; with
   * the code `access_denied` if the user denies.
   */
  readonly fetch: Fetch
  /** Goes through the whole flow for this MCP server: registration, sign-in, consent, code, tokens. */
  signIn(resource: string | URL): Promise<TestTokens>
  /** Revokes and deletes the tokens for this server. */
  signOut(resource: string | URL): Promise<void>
  /** The tokens of the last token response, for a test of refresh or revocation. Undefined before it. */
  readonly tokens: TestTokens | undefined
  /** The pages that the user saw, in order: path and title. */
  readonly pages: readonly string[]
}

/** Nothing listens there: the browser of the test stops before it. */
const redirectUri = 'http://127.0.0.1/test-client'

/**
 * A client for tests of a server that issues its own tokens: the real `createClient()`, with a user who fills
 * the sign-in form and the consent page. All requests go to the server in this process, without sockets.
 *
 * @throws ConfigurationError if the server or an option is wrong or unknown.
 *
 * @example
 * const client = testClient(app, { signIn: { fields: { username: 'ada', password: 'secret' } } })
 * const response = await client.fetch('https://notes.test/mcp', { method: 'POST', body })
 */
export function testClient(server: TestServer, options: TestClientOptions = {}): TestClient {
  const call = callOf(server)
  const { outside, clock, clientName, signIn, consent } = readOptions('testClient', options, {
    outside: func(),
    clock: func(),
    clientName: text().default('Test client'),
    signIn: signInRow().default({}),
    consent: consentRow().default({}),
  })
  let own: string | undefined
  let tokens: TestTokens | undefined
  let failure: unknown
  let answerCallback: ((request: Request) => Promise<Response>) | undefined
  const user = createUser({ signIn, consent })

  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init)
    const { origin } = new URL(request.url)
    if (outside !== undefined && origin !== own) return outside(input, init)
    const response = (await call(request)) ?? new Response(null, { status: 404 })
    tokens = (await tokensOf(request, response)) ?? tokens
    return response
  }
  const browser = createBrowser(fetch, new Headers(signIn.headers))
  const redirect: Redirect = {
    async listen(handle, { segment }) {
      answerCallback = handle
      return {
        uri: segment === undefined ? redirectUri : `${redirectUri}/${segment}`,
        close: () => undefined,
      }
    },
    open: (url) => browser.visit(url, redirectUri, user.answer),
  }
  const client = createClient({
    fetch,
    redirect,
    clientName,
    onError: (error) => {
      failure = error
    },
    ...defined({ clock }),
  })
  const at = (resource: string | URL): void => {
    own ??= URL.canParse(String(resource)) ? new URL(String(resource)).origin : undefined
  }
  return {
    async fetch(input, init) {
      at(input instanceof Request ? input.url : input)
      return client.fetch(input, init)
    },
    async signIn(resource) {
      at(resource)
      failure = undefined
      const url = await client.authorize(resource)
      try {
        const arrived = await browser.visit(url, redirectUri, user.answer)
        await answerCallback!(new Request(arrived))
      } catch (error) {
        // The client would wait for the user's answer, and keep the process of the test alive.
        const state = url.searchParams.get('state') ?? ''
        await answerCallback!(
          new Request(`${redirectUri}?${new URLSearchParams({ error: 'aborted', state })}`),
        )
        throw error
      }
      if (failure !== undefined) throw failure
      return tokens!
    },
    signOut: (resource) => client.signOut(resource),
    get tokens() {
      return tokens
    },
    get pages() {
      return [...user.seen]
    },
  }
}

const signInRow = (): OptionalOption<NonNullable<TestUser['signIn']>> => {
  const table = object({ headers: strings(), fields: strings(), way: text() })
  return custom(table.what, (value, name) => defined(table.required(value, name)))
}

const consentRow = (): OptionalOption<NonNullable<TestUser['consent']>> => {
  const table = object({ decision: oneOf(['approve', 'deny']), scopes: list(text()), choices: strings() })
  return custom(table.what, (value, name) => defined(table.required(value, name)))
}

const strings = () => record(text().required, "{ username: 'ada' }")

function callOf(server: TestServer): (request: Request) => Awaitable<Response | undefined> {
  if (typeof server === 'function') return server
  const { fetch, handle } = Object(server) as { fetch?: unknown; handle?: unknown }
  const call = typeof fetch === 'function' ? fetch : handle
  if (typeof call !== 'function')
    throw optionError(
      'server',
      'a function from Request to Response, or an object with fetch or handle',
      server,
    )
  return (request) => call.call(server, request) as Awaitable<Response | undefined>
}

/** A token response (RFC 6749 §5.1) is the answer to a POST, and names an access token. */
async function tokensOf(request: Request, response: Response): Promise<TestTokens | undefined> {
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  if (request.method !== 'POST' || !response.ok || !isJson) return undefined
  const body = (await response.clone().json()) as Partial<Record<string, unknown>> | null
  if (typeof body?.['access_token'] !== 'string') return undefined
  const { access_token: accessToken, refresh_token: refreshToken, scope, expires_in: expiresIn } = body
  return {
    accessToken,
    scopes: typeof scope === 'string' && scope !== '' ? scope.split(' ') : [],
    ...defined({
      refreshToken: refreshToken as string | undefined,
      expiresIn: expiresIn as number | undefined,
    }),
  }
}
