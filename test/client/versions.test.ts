// Every record that version 1 of the client wrote is read for ever. One of another version counts as absent, with an event.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, type Client } from '../../src/client/index.ts'
import { toOAuthClientProvider, type SdkClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { fixture } from '../fixtures/v1/client.ts'
import { createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

interface Used {
  readonly world: World
  readonly client: Client
  readonly provider: SdkClientProvider
}

interface Case {
  /** What shows that the record was read. */
  readonly use: (used: Used) => unknown
  readonly read: unknown
  /** What it comes to without the record. */
  readonly absent: unknown
  /** Kinds of records that are not there. */
  readonly without?: readonly string[]
}

const tokens = JSON.parse(fixture.records.find(({ kind }) => kind === 'client-tokens')!.value) as {
  accessToken: string
  clientId: string
}

/** The records, some of them changed, in a client of a world that knows their tokens. */
async function useRecords(
  change: (kind: string, value: string) => string | undefined,
): Promise<Used & { damaged: string[] }> {
  const world = createWorld()
  world.now = fixture.clock
  const grant = { scope: 'read', resource, clientId: tokens.clientId }
  world.tokens.set(tokens.accessToken, grant)
  world.on(`${issuer}/token`, () => {
    world.tokens.set('new', grant)
    return json({ access_token: 'new', token_type: 'Bearer' })
  })
  const storage = memoryStorage({ clock: world.clock })
  for (const { kind, key, value } of fixture.records) {
    const text = change(kind, value)
    if (text !== undefined) await storage.set(key, text)
  }
  const damaged: string[] = []
  const client = createClient({
    fetch: world.fetch,
    clock: world.clock,
    redirect: 'https://app.test/callback',
    storage,
    onEvent: ({ type, detail }) => void (type === 'record.damaged' && damaged.push(detail!)),
  })
  return { world, client, provider: toOAuthClientProvider(client, resource), damaged }
}

const call = async (client: Client): Promise<unknown> =>
  client.fetch(resource).then(
    ({ status }) => status,
    ({ code }: { code: string }) => code,
  )
const outcome = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    ({ code }: { code: string }) => code,
  )

const cases: Readonly<Record<string, Case>> = {
  'client-server': {
    // With the record no discovery is needed.
    use: async ({ client, world }) => [await call(client), world.to(prmUrl).length],
    read: [200, 0],
    absent: [200, 1],
  },
  'client-registration': {
    use: async ({ client, world }) => {
      const url = await client.authorize(resource)
      return [url.searchParams.get('client_id') === tokens.clientId, world.to(`${issuer}/register`).length]
    },
    read: [true, 0],
    absent: [false, 1],
  },
  'client-tokens': {
    use: ({ client }) => call(client),
    read: 200,
    absent: 'authorization_required',
  },
  'client-flow': {
    use: async ({ client }) => (await client.callback(new Request(fixture.pending))).status,
    read: 200,
    absent: 400,
  },
  'client-answered': {
    // The same answer again, without another exchange.
    use: async ({ client, world }) => {
      const { status } = await client.callback(new Request(fixture.answered))
      return [status, world.to(`${issuer}/token`).length]
    },
    read: [200, 0],
    absent: [200, 1],
  },
  'client-token-index': {
    use: ({ client }) => outcome(client.signOut(resource)),
    read: 'done',
    absent: 'unknown_server',
    without: ['client-server'],
  },
  'client-sdk-flow': {
    use: ({ provider }) =>
      outcome(provider.callback(`https://app.test/callback?state=${fixture.sdkState}&iss=${issuer}&code=c`)),
    read: 'done',
    absent: 'invalid_callback',
  },
  'client-sdk-value': {
    use: ({ provider }) => outcome(provider.codeVerifier()),
    read: 'done',
    absent: 'invalid_callback',
  },
  'client-sdk-discovery': {
    use: ({ provider }) => provider.discoveryState(),
    read: { authorizationServerUrl: issuer, known: true },
    absent: undefined,
  },
}

test('each kind has a record', () => {
  expect([...new Set(fixture.records.map(({ kind }) => kind))].sort()).toEqual(Object.keys(cases).sort())
})

describe.each(Object.entries(cases))('%s', (kind, { use, read, absent, without = [] }) => {
  const unless = (other: string, value: string): string | undefined =>
    without.includes(other) ? undefined : value
  /** As another version, or other hands, would have written it. */
  const unreadable = [
    (value: string) => value.replace('{"v":1,', '{"v":2,'),
    (value: string) => value.replace('{"v":1,', '{'),
    (value: string) => value.slice(0, -9),
    () => 'null',
  ]

  test('of version 1 is read', async () => {
    const used = await useRecords(unless)
    expect(await use(used)).toEqual(read)
    expect(used.damaged).toEqual([])
  })

  test('of another version, or damaged, counts as absent, with an event', async () => {
    for (const change of unreadable) {
      const used = await useRecords((other, value) => unless(other, other === kind ? change(value) : value))
      expect(await use(used)).toEqual(absent)
      expect(new Set(used.damaged)).toEqual(new Set([kind]))
    }
  })
})

test('a record whose metadata are of another issuer counts as absent', async () => {
  for (const kind of ['client-server', 'client-flow', 'client-sdk-flow', 'client-token-index']) {
    const { use, absent, without = [] } = cases[kind]!
    const used = await useRecords((other, value) => {
      if (without.includes(other)) return undefined
      return other === kind
        ? value.replaceAll(
            '"metadata":{"issuer":"https://as.test"',
            '"metadata":{"issuer":"https://evil.test"',
          )
        : value
    })
    expect(await use(used), kind).toEqual(absent)
    expect(used.damaged.length).toBeGreaterThan(0)
  }
})

test('tokens that are stored for one issuer are not sent for another', async () => {
  const used = await useRecords((kind, value) =>
    kind === 'client-tokens'
      ? value.replace('"issuer":"https://as.test"', '"issuer":"https://evil.test"')
      : value,
  )
  expect(await call(used.client)).toBe('authorization_required')
  expect(used.world.to(resource).every(({ headers }) => !headers.has('authorization'))).toBe(true)
})
