// Attacks on the authorization: no PKCE, a page that is not on the web, answers that are not ours, mix-up.
import { describe, expect, test } from 'vitest'
import {
  AuthorizationRequiredError,
  createClient,
  memoryStorage,
  type ClientOptions,
} from '../../src/client/index.ts'
import { createWorld, issuer, nameServer, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

/** Nothing secret has been sent, and the user was not asked. */
const expectNothingStarted = (world: World): void => {
  expect(world.opened).toEqual([])
  expect(world.to(`${issuer}/register`)).toEqual([])
  expect(world.to(`${issuer}/token`)).toEqual([])
}
test.each([[undefined], [[]], [['plain']]])(
  'CL4 code_challenge_methods_supported %j: refused before anything starts',
  async (methods) => {
    const world = createWorld()
    world.metadata['code_challenge_methods_supported'] = methods
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'pkce_unsupported' })
    expectNothingStarted(world)
  },
)

test('CL4 a preset may know that S256 works', async () => {
  const world = createWorld()
  world.metadata['code_challenge_methods_supported'] = null
  const providers = [{ issuer, client: { assumeS256: true, resource: 'omit' } as const }]
  expect((await clientFor(world, { providers }).fetch(resource)).status).toBe(200)
  expect(world.opened[0]!.searchParams.get('code_challenge_method')).toBe('S256')
  expect(world.opened[0]!.searchParams.has('resource')).toBe(false)
})

const pages = [
  'javascript:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'vscode://x',
  'ms-settings:',
  'http://evil.test/',
  '--flag',
  'https://10.0.0.1/',
]
test.each(pages)('CL5 authorization_endpoint %s is rejected', async (page) => {
  const world = createWorld()
  world.metadata['authorization_endpoint'] = page
  await expect(clientFor(world).fetch(resource)).rejects.toThrow()
  expectNothingStarted(world)
})

/** A web host between authorization and callback. */
async function pending(
  world: World,
  options: ClientOptions = {},
): Promise<{ client: ReturnType<typeof createClient>; back: URL }> {
  const client = clientFor(world, { redirect: 'https://app.test/callback', ...options })
  const error: unknown = await client.fetch(resource).catch((reason: unknown) => reason)
  const { url } = error as AuthorizationRequiredError
  return { client, back: new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!) }
}

describe('CL6 callbacks that answer no authorization of ours: no token request', () => {
  const spoiled: [string, (url: URL) => void][] = [
    ['state missing', (url) => url.searchParams.delete('state')],
    ['state empty', (url) => url.searchParams.set('state', '')],
    ['state wrong', (url) => url.searchParams.set('state', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA')],
    ['state twice', (url) => url.searchParams.append('state', url.searchParams.get('state')!)],
    ['code missing', (url) => url.searchParams.delete('code')],
    ['code empty', (url) => url.searchParams.set('code', '')],
    ['code twice', (url) => url.searchParams.append('code', 'other')],
    ['code and error', (url) => url.searchParams.set('error', 'access_denied')],
    ['iss twice', (url) => url.searchParams.append('iss', issuer)],
  ]
  test.each(spoiled)('CL6 %s', async (_, spoil) => {
    const world = createWorld()
    const { client, back } = await pending(world)
    spoil(back)
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
  })

  test('CL6 replayed: the page again, and nothing else', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    expect((await client.callback(new Request(back))).status).toBe(200)
    expect((await client.callback(new Request(back))).status).toBe(200)
    back.searchParams.set('code', 'another')
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })

  test('CL6 many times at once: one exchange', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.callback(new Request(back))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
    // Another code with the same state is another answer.
    const other = await pending(world)
    const codes = Array.from({ length: 10 }, (_, i) => {
      const each = new URL(other.back)
      if (i > 0) each.searchParams.set('code', `${i}`)
      return other.client.callback(new Request(each))
    })
    const successes = (await Promise.all(codes)).filter(({ status }) => status === 200)
    expect(successes.length).toBeLessThanOrEqual(1)
    expect(world.to(`${issuer}/token`)).toHaveLength(2)
  })

  test('CL6 of another session: refused, and still good for its owner', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const { client, back } = await pending(world, { storage, subject: 'mallory' })
    const victim = clientFor(world, { storage, subject: 'alice', redirect: 'https://app.test/callback' })
    expect((await victim.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
    expect((await client.callback(new Request(back))).status).toBe(200)
    await expect(victim.fetch(resource)).rejects.toBeInstanceOf(AuthorizationRequiredError)
  })

  test('CL6 too late', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    world.now += 601
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

describe('CL7 the iss table', () => {
  const rows: [advertised: boolean | undefined, iss: string | undefined, status: number][] = [
    [true, issuer, 200],
    [true, undefined, 400],
    [undefined, undefined, 200],
    [undefined, issuer, 200],
    [undefined, 'https://evil.test', 400],
    [true, 'https://as.test/', 400],
    [true, 'https://AS.test', 400],
    [true, 'https://as.test:443', 400],
    [true, '', 400],
  ]
  test.each(rows)('CL7 advertised %s, iss %s: %i', async (advertised, iss, status) => {
    const world = createWorld()
    world.metadata['authorization_response_iss_parameter_supported'] = advertised
    const { client, back } = await pending(world)
    if (iss === undefined) back.searchParams.delete('iss')
    else back.searchParams.set('iss', iss)
    expect((await client.callback(new Request(back))).status).toBe(status)
    expect(world.to(`${issuer}/token`)).toHaveLength(status === 200 ? 1 : 0)
  })

  test('CL7 an error with the wrong iss is not acted upon, and no error shows its text', async () => {
    const world = createWorld()
    const codes: unknown[] = []
    const onError = (error: unknown): void => void codes.push((error as { code: string }).code)
    for (const [iss, code] of [
      ['https://evil.test', 'invalid_callback'],
      [issuer, 'access_denied'],
    ] as const) {
      const { client, back } = await pending(world, { onError })
      back.search = new URLSearchParams({
        error: 'access_denied',
        error_description: '<script>call 555</script>',
        state: back.searchParams.get('state')!,
        iss,
      }).toString()
      const answer = await client.callback(new Request(back))
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain('555')
      expect(codes.at(-1)).toBe(code)
    }
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

test('CL8 mix-up: the code for the honest server is not sent to the evil one', async () => {
  const world = createWorld()
  const evil = 'https://evil.test'
  nameServer(world, evil, 'client-at-honest')
  await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'invalid_callback' })
  expect(world.opened).toHaveLength(1)
  expect(world.to(`${evil}/token`)).toEqual([])
})

describe('CL16 hostile callbacks', () => {
  test('CL16 the callback page repeats nothing and cannot be framed', async () => {
    const world = createWorld()
    const { client } = await pending(world)
    const answer = await client.callback(
      new Request(
        'https://app.test/callback?error=x&error_description=<script>alert(1)</script>&state=<script>',
      ),
    )
    expect(await answer.text()).not.toContain('script')
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('CL16 another path or method is no callback', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    expect((await client.callback(new Request(back.href.replace('/callback', '/other')))).status).toBe(404)
    expect((await client.callback(new Request(back, { method: 'POST' }))).status).toBe(404)
    expect((await client.callback(new Request(back.href.replace('app.test', 'internal')))).status).toBe(200)
  })
})
