// A minimal browser, which keeps cookies, sends the headers of browsers and reads forms; and sign-ins for the
// pages.
import { expect } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { ownLogin } from '../../src/authorization-server/sign-in/own-login.ts'
import { readCookie } from '../../src/lib/cookie.ts'
import { randomToken } from '../../src/lib/random.ts'
import { s256 } from '../../src/protocol/pkce.ts'
import { OAuthError } from '../../src/errors.ts'
import type { Identity, SignIn, SignInLeg } from '../../src/types.ts'
import { answered, RES_A, Rig } from './as.ts'

/** A document as the browser has it. */
export interface Shown {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Where it leads, if it does. */
  readonly location: URL | undefined
}

export interface FormValues {
  decision?: 'approve' | 'deny'
  scopes?: readonly string[]
  fields?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
}

export class Browser {
  readonly cookies = new Map<string, string>()
  readonly rig: Rig
  /** Every header that ever came. */
  readonly received: Headers[] = []

  constructor(rig: Rig) {
    this.rig = rig
  }

  /** Opens an address of the server. By default the user has typed it. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Shown> {
    const url = new URL(path, this.rig.issuer)
    return this.#send(new Request(url, { headers: this.#headers({ 'sec-fetch-site': 'none', ...headers }) }))
  }

  /** Opens it and follows redirects as long as they lead to this server. */
  async visit(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Shown> {
    let shown = await this.get(path, headers)
    for (let i = 0; i < 10 && shown.location?.origin === new URL(this.rig.issuer).origin; i++)
      shown = await this.get(shown.location.href, { 'sec-fetch-site': 'same-origin' })
    return shown
  }

  /** Submits the page's first form, or the one that holds the text. */
  submit(page: Shown, values: FormValues = {}, holding = ''): Promise<Shown> {
    const form = forms(page.text).find((each) => each.html.includes(holding))
    if (form === undefined) throw new Error(`There is no form in ${page.status} ${heading(page)}`)
    const body = new URLSearchParams(form.hidden)
    for (const scope of values.scopes ?? []) body.append('scope', scope)
    if (values.decision !== undefined) body.set('decision', values.decision)
    for (const [name, value] of Object.entries(values.fields ?? {})) body.set(name, value)
    return this.post(form.action, body, values.headers)
  }

  post(
    action: string,
    body: URLSearchParams | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Shown> {
    const url = new URL(action, this.rig.issuer)
    const usual = {
      'content-type': 'application/x-www-form-urlencoded',
      'sec-fetch-site': 'same-origin',
      origin: new URL(this.rig.issuer).origin,
    }
    const all = this.#headers({ ...usual, ...headers })
    return this.#send(new Request(url, { method: 'POST', headers: all, body: body.toString() }))
  }

  /** An empty value leaves a header out. */
  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const all = { ...headers, ...(cookie === '' ? {} : { cookie }) }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  }

  async #send(request: Request): Promise<Shown> {
    const response = await answered(this.rig.as.handle(request))
    for (const each of response.headers.getSetCookie()) this.#keep(each)
    this.received.push(response.headers)
    const location = response.headers.get('location')
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: location === null ? undefined : new URL(location, this.rig.issuer),
    }
  }

  #keep(setCookie: string): void {
    const [pair = ''] = setCookie.split(';')
    const [name = '', value = ''] = pair.split('=')
    this.cookies.delete(name)
    if (!/max-age=0\b/i.test(setCookie)) this.cookies.set(name, value)
  }
}

/** Forms with their action and hidden fields. */
export function forms(text: string): { action: string; hidden: [string, string][]; html: string }[] {
  return [...text.matchAll(/<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/g)].map(
    ([html, action, inner]) => ({
      html,
      action: unescape(action!),
      hidden: [...inner!.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)" ?\/?>/g)].map(
        ([, name, value]) => [unescape(name!), unescape(value!)],
      ),
    }),
  )
}

export const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** The application's own login: the cookie `user` names the user. */
export const cookieLogin = (identities: Readonly<Record<string, Partial<Identity>>> = {}): SignIn =>
  ownLogin({
    identify: (request) => {
      const subject = readCookie(request, 'user')
      return subject === undefined
        ? undefined
        : { subject, name: `${subject}@example.com`, ...identities[subject] }
    },
    loginUrl: '/login',
  })

/** An upstream that signs in `user`. */
export class FakeUpstream implements SignIn {
  readonly consent = 'before'
  readonly name: string
  readonly started: { leg: SignInLeg; prompt: string | undefined }[] = []
  /** Codes that were redeemed. */
  readonly redeemed: string[] = []
  user: Identity = { subject: 'up|alice', name: 'alice', props: { login: 'alice' } }
  failure: OAuthError | undefined

  constructor(name = 'Upstream') {
    this.name = name
  }

  identify(): undefined {
    return undefined
  }

  start(_request: Request, flow: { prompt?: string; leg: SignInLeg }): Response {
    flow.leg.kept = `verifier-${this.started.length}`
    this.started.push({ leg: flow.leg, prompt: flow.prompt })
    const query = new URLSearchParams({ state: flow.leg.state, redirect_uri: flow.leg.callbackUrl })
    return new Response(null, { status: 302, headers: { location: `https://up.test/authorize?${query}` } })
  }

  async finish(request: Request, leg: SignInLeg): Promise<Identity> {
    expect(leg.kept).toMatch(/^verifier-\d$/)
    this.redeemed.push(new URL(request.url).searchParams.get('code') ?? '')
    if (this.failure !== undefined) throw this.failure
    return this.user
  }
}

/** A server with the application's own login. */
export const pagesRig = (options: Partial<AuthorizationServerOptions> = {}): Rig =>
  new Rig({ signIn: cookieLogin(), ...options })

/** A browser in which this user is signed in at the application. */
export function browserOf(rig: Rig, user?: string): Browser {
  const browser = new Browser(rig)
  if (user !== undefined) browser.cookies.set('user', user)
  return browser
}

export const verifier = 'a-verifier-of-more-than-forty-three-characters'

/** The URL of a correct request. Undefined leaves a parameter out; a list sends it several times. */
export async function requestUrl(
  parameters: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  path = '/authorize',
): Promise<string> {
  const all = {
    response_type: 'code',
    client_id: 'pub',
    redirect_uri: 'http://127.0.0.1:3000/cb',
    code_challenge: await s256(verifier),
    code_challenge_method: 'S256',
    scope: 'notes:read notes:write',
    state: 'the state/+ of=the&client',
    resource: RES_A,
    ...parameters,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(all))
    for (const each of value === undefined ? [] : typeof value === 'string' ? [value] : value)
      query.append(name, each)
  return `${path}?${query}`
}

export const sentState = 'the state/+ of=the&client'

/** Registers a client and returns its id. */
export async function registered(rig: Rig, metadata: Record<string, unknown> = {}): Promise<string> {
  const response = await rig.register({
    client_name: 'Evil',
    redirect_uris: ['https://evil.test/cb'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  const body = (await response.json()) as { client_id: string }
  expect(response.status, JSON.stringify(body)).toBe(201)
  return body.client_id
}

/** RE(e): to the redirect URI, with exactly one of each, and without a code. */
export function expectRedirect(
  shown: Shown,
  error: string,
  {
    to = 'http://127.0.0.1:3000/cb',
    state = sentState as string | undefined,
    issuer = 'https://as.test',
  } = {},
): void {
  expect(shown.status, heading(shown)).toBe(303)
  expect(`${shown.location!.origin}${shown.location!.pathname}`).toBe(to)
  const { searchParams: params } = shown.location!
  expect(params.getAll('error')).toEqual([error])
  expect(params.getAll('state')).toEqual(state === undefined ? [] : [state])
  expect(params.getAll('iss')).toEqual([issuer])
  expect(params.has('code')).toBe(false)
}

/** Expects a page of this server and no redirect. */
export function expectLocal(shown: Shown, status: number | readonly number[] = 400): void {
  expect([status].flat()).toContain(shown.status)
  expect(shown.location).toBeUndefined()
  expect(shown.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expectPageHeaders(shown)
}

/** AZ14. */
export function expectPageHeaders({ headers }: Pick<Shown, 'headers'>): void {
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toMatch(/form-action|script-src|unsafe/)
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('same-origin')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('cache-control')).toBe('no-store')
}

/** What the page says, for a message. */
const heading = ({ text }: Pick<Shown, 'text'>): string => /<main[\s\S]*/.exec(text)?.[0].slice(0, 300) ?? ''

/** The code of a successful answer. */
export function codeOf(shown: Shown): string {
  expect(shown.status, heading(shown)).toBe(303)
  const { searchParams: params } = shown.location!
  expect(params.getAll('iss')).toEqual(['https://as.test'])
  expect(params.has('error')).toBe(false)
  expect(params.getAll('code')).toHaveLength(1)
  return params.get('code')!
}

/** Grants that were ever written. */
export const grantsWritten = (rig: Rig): number =>
  rig.store.written.filter(({ key }) => key.endsWith(':grant')).length

export const newState = (): string => randomToken()
