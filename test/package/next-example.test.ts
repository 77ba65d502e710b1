// examples/next, built and started: the users and sessions are those of better-auth, the tokens Tollgate's.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Visit } from '../../scripts/browser.ts'
import { sdkSession } from '../../scripts/sdk-session.ts'
import { buildNext, startNext } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

vi.setConfig({ testTimeout: 90_000 })

let origin: string
let next: { close(): Promise<void> } | undefined

beforeAll(async () => {
  await buildNext('examples/next')
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  next = await startNext('examples/next', port, { PUBLIC_URL: origin })
}, 300_000)
afterAll(() => next?.close())

let addresses = 0
const nextAddress = (): string => `192.0.2.${++addresses}`

/** A person with a browser. Each has an address, because better-auth limits the attempts of one address. */
class Person {
  readonly cookies = new Map<string, string>()
  readonly pages: string[] = []
  readonly email: string
  readonly address: string

  constructor(name: string, address: string) {
    this.email = `${name}@example.com`
    this.address = address
  }

  visit(press: RegExp, answers: Record<string, string> = {}): Visit {
    this.pages.length = 0
    return {
      cookies: this.cookies,
      press,
      answers: { email: this.email, password: 'correct horse battery', ...answers },
      onPage: (title) => void this.pages.push(title),
      send: (request) => {
        request.headers.set('x-forwarded-for', this.address)
        return fetch(request)
      },
    }
  }

  /** One request, with what a page of this site sends. */
  async send(
    path: string,
    form?: Record<string, string>,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const cookie = [...this.cookies].map(([key, value]) => `${key.split(' ')[1]}=${value}`).join('; ')
    return fetch(new URL(path, origin), {
      redirect: 'manual',
      headers: {
        'x-forwarded-for': this.address,
        ...(cookie === '' ? {} : { cookie }),
        ...(form ? { origin } : {}),
        ...more,
      },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    })
  }

  get credentials(): Record<string, string> {
    return { email: this.email, password: 'correct horse battery' }
  }

  /** Creates an account, with a form and nothing else. */
  async signUp(): Promise<void> {
    this.keep(await this.send('/sign-in/submit', { ...this.credentials, action: 'sign-up' }))
  }

  keep(answer: Response): void {
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie)!
      if (value === '') this.cookies.delete(`${origin} ${name}`)
      else this.cookies.set(`${origin} ${name}`, value)
    }
  }

  async home(): Promise<string> {
    return (await this.send('/')).text()
  }
}

interface Connected {
  call(name: string, args?: Record<string, string>): Promise<string>
}

async function connect(visit: Visit, prompt?: string): Promise<Connected> {
  const session = sdkSession('A client')
  const { redirectToAuthorization } = session.provider
  session.provider.redirectToAuthorization = (url) => {
    if (prompt !== undefined) url.searchParams.set('prompt', prompt)
    redirectToAuthorization(url)
  }
  const open = () =>
    new StreamableHTTPClientTransport(new URL('/mcp', origin), { authProvider: session.provider })
  const first = open()
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(first)).rejects.toThrow(
    UnauthorizedError,
  )
  await first.finishAuth(await session.signIn(visit))
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(open())
  return {
    async call(name, args = {}) {
      const { content } = await client.callTool({ name, arguments: args })
      return (content as unknown as [{ text: string }])[0].text
    },
  }
}

const signUp = /create|allow|approve/i
const signIn = /sign in|allow|approve/i

test('CN13 a stranger signs up at the application, agrees, and a tool writes a note of its page', async () => {
  const alice = new Person('alice', nextAddress())
  expect(await alice.home()).toContain('href="/sign-in"')
  const { call } = await connect(alice.visit(signUp))
  expect(alice.pages).toEqual(['Sign in', expect.stringContaining('A client')])
  expect(await call('write_note', { title: 'Milk', text: 'Two litres' })).toBe('Wrote "Milk".')
  expect(await call('list_notes')).toBe('Milk')
  const page = await alice.home()
  expect(page).toContain('alice@example.com')
  expect(page).toContain('Two litres')

  const bob = new Person('bob', nextAddress())
  const his = await connect(bob.visit(signUp))
  expect(await his.call('list_notes')).toBe('There are no notes yet.')
  expect(await bob.home()).not.toContain('Two litres')
})

test('CN13 with a session only consent is asked; with prompt=login or after sign-out, the user signs in', async () => {
  const carol = new Person('carol', nextAddress())
  await carol.signUp()
  const { call } = await connect(carol.visit(signIn))
  expect(carol.pages).toEqual([expect.stringContaining('A client')])
  await connect(carol.visit(signIn), 'login')
  expect(carol.pages).toEqual(['Sign in', expect.stringContaining('A client')])
  carol.keep(await carol.send('/sign-out', {}))
  expect(await carol.home()).toContain('href="/sign-in"')
  await connect(carol.visit(signIn))
  expect(carol.pages).toEqual(['Sign in', expect.stringContaining('A client')])
  // A client that is connected stays connected.
  expect(await call('list_notes')).toBe('There are no notes yet.')
})

test('SI4 CSRF: forms of another site sign no user in and none out', async () => {
  const dave = new Person('dave', nextAddress())
  await dave.signUp()
  const evil = {
    origin: 'https://evil.example',
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
  }
  const login = await dave.send('/sign-in/submit', { ...dave.credentials, action: 'sign-in' }, evil)
  expect([login.status, login.headers.getSetCookie()]).toEqual([403, []])
  expect((await dave.send('/sign-out', {}, evil)).status).toBe(403)
  expect(await dave.home()).toContain('dave@example.com')
  for (const page of ['/', '/sign-in'])
    expect((await dave.send(page)).headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
})

test('SI4 session fixation: a sign-in makes a session of its own, also beside another', async () => {
  const erin = new Person('erin', nextAddress())
  await erin.signUp()
  const name = `${origin} better-auth.session_token`
  const first = erin.cookies.get(name)!
  const planted = new Person('erin', nextAddress())
  planted.cookies.set(name, first)
  const answer = await planted.send('/sign-in/submit', { ...planted.credentials, action: 'sign-in' })
  expect(answer.status).toBe(303)
  const [cookie = ''] = answer.headers.getSetCookie()
  expect(cookie).toMatch(/^better-auth\.session_token=[^;]{20,};.*HttpOnly;.*SameSite=Lax/i)
  expect(cookie).not.toContain(first)
  planted.cookies.set(name, 'planted-by-an-attacker')
  expect(await planted.home()).toContain('href="/sign-in"')
})

test.each([
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  'javascript:alert(1)',
])('SI4 open redirect: return_to=%s leads to the home page', async (path) => {
  const frank = new Person(`frank-${addresses}`, nextAddress())
  const form = { ...frank.credentials, action: 'sign-up', return_to: path }
  const { status, headers } = await frank.send('/sign-in/submit', form)
  expect([status, headers.get('location')]).toEqual([303, `${origin}/`])
})

test.each(['__proto__', 'constructor', 'toString', 'nothing'])(
  'the sign-in page says nothing about problem=%s, and is there',
  async (problem) => {
    const page = await new Person('heidi', nextAddress()).send(`/sign-in?problem=${problem}`)
    expect(page.status).toBe(200)
    expect(await page.text()).not.toContain('role="alert"')
  },
)

test('SI4 after the sign-in the browser is at the place that the authorization request named', async () => {
  const grace = new Person('grace', nextAddress())
  const wrong = { ...grace.credentials, action: 'sign-in', return_to: '/oauth/authorize?client_id=a%26b' }
  const refused = await grace.send('/sign-in/submit', wrong)
  expect([refused.status, refused.headers.get('location')]).toEqual([
    303,
    `${origin}/sign-in?return_to=%2Foauth%2Fauthorize%3Fclient_id%3Da%2526b&problem=sign-in`,
  ])
  expect(await (await grace.send(refused.headers.get('location')!)).text()).toContain('is wrong')
  const right = await grace.send('/sign-in/submit', { ...wrong, action: 'sign-up' })
  expect(right.headers.get('location')).toBe(`${origin}/oauth/authorize?client_id=a%26b`)
  // One slash too many would be another site, if the answer were a path.
  const odd = await grace.send('/sign-in/submit', { ...grace.credentials, return_to: '/.//evil.example' })
  expect(odd.headers.get('location')).toBe(`${origin}//evil.example`)
})
