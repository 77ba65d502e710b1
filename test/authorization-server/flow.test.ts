// The events of one authorization are correlated by the grant id, from the consent page on.
import { expect, test } from 'vitest'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { createResourceServer, type TollgateEvent } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { testClient, testClock, type TestClientOptions } from '../../src/testing/index.ts'
import type { SignIn } from '../../src/types.ts'
import { cookieLogin, FakeUpstream } from '../support/pages.ts'

const resource = 'https://notes.test/mcp'

async function eventsOf(signIn: SignIn, options: TestClientOptions): Promise<TollgateEvent[]> {
  const events: TollgateEvent[] = []
  const [clock, onEvent] = [testClock(), (event: TollgateEvent) => void events.push(event)]
  const as = createAuthorizationServer({
    issuer: 'https://notes.test',
    secret: 'a deployment secret for tests, of forty bytes',
    store: memoryStore(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
    signIn,
    clock,
    onEvent,
  })
  const rs = createResourceServer({ resource, authorizationServers: [as], clock })
  const guarded = rs.protect(() => new Response('notes'))
  const app = async (request: Request) => (await as.handle(request)) ?? guarded(request)
  const client = testClient(app, { clock, ...options })
  await client.signIn(resource).catch(() => undefined)
  clock.advance(901)
  await client.fetch(resource).catch(() => undefined)
  return events
}

/** The upstream lets the user through. */
const outside = async (input: RequestInfo | URL): Promise<Response> => {
  const { searchParams } = new URL(input instanceof Request ? input.url : input)
  const back = new URL(searchParams.get('redirect_uri')!)
  back.search = String(new URLSearchParams({ state: searchParams.get('state')!, code: 'code' }))
  return new Response(null, { status: 302, headers: { location: back.href } })
}

const headers = { cookie: 'user=alice' }
const typesOf = (events: readonly TollgateEvent[], id: string | undefined): string[] =>
  events.filter(({ grantId }) => grantId === id).map(({ type }) => type)

test('asked, approved, redeemed, refreshed: one grant id', async () => {
  const events = await eventsOf(cookieLogin(), { signIn: { headers } })
  const asked = events.find(({ type }) => type === 'consent.asked')
  expect(asked).toMatchObject({ level: 'info', issuer: 'https://notes.test', subject: 'alice' })
  expect(asked!.clientId).toBeTypeOf('string')
  expect(typesOf(events, asked!.grantId)).toEqual([
    'consent.asked',
    'grant.created',
    'code.redeemed',
    'token.refreshed',
  ])
})

test('asked, denied: the id that the grant would have had', async () => {
  const events = await eventsOf(cookieLogin(), { signIn: { headers }, consent: { decision: 'deny' } })
  const asked = events.find(({ type }) => type === 'consent.asked')!
  expect(asked.grantId).toMatch(/^[\w-]{27}$/)
  expect(typesOf(events, asked.grantId)).toEqual(['consent.asked', 'consent.denied'])
})

test('a sign-in after the approval belongs to it', async () => {
  const events = await eventsOf(new FakeUpstream(), { outside })
  const finished = events.find(({ type }) => type === 'sign-in.finished')!
  expect(typesOf(events, finished.grantId)).toEqual([
    'consent.asked',
    'sign-in.finished',
    'grant.created',
    'code.redeemed',
    'token.refreshed',
  ])
})

test('a flood of consent pages is summed up: a stranger can cause it', async () => {
  const events: TollgateEvent[] = []
  const as = createAuthorizationServer({
    issuer: 'https://notes.test',
    secret: 'a deployment secret for tests, of forty bytes',
    store: memoryStore(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
    clients: [{ client_id: 'app', redirect_uris: ['https://app.test/cb'] }],
    signIn: new FakeUpstream(),
    onEvent: (event) => events.push(event),
  })
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'app',
    redirect_uri: 'https://app.test/cb',
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
    resource,
  })
  const { authorization_endpoint: endpoint } = (await (await as.handle(
    new Request('https://notes.test/.well-known/oauth-authorization-server'),
  ))!.json()) as { authorization_endpoint: string }
  for (let i = 0; i < 50; i++) await as.handle(new Request(`${endpoint}?${query}`))
  expect(events.filter(({ type }) => type === 'consent.asked')).toHaveLength(20)
})
