// What each flow costs, counted, against the table of docs/guide/operate/cost.md.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import { health } from '../../src/doctor/health.ts'
import { createResourceServer } from '../../src/index.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { Cache } from '../../src/types.ts'
import { answered, basic, RES_A, type Rig } from '../support/as.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { post, token, world } from '../support/guard.ts'
import { linkAccount, LinksRig } from '../support/links.ts'
import { browserOf, pagesRig, registered, requestUrl } from '../support/pages.ts'
import { UpstreamWorld } from '../support/upstream.ts'

const counters = [
  'reads',
  'writes',
  'cache reads',
  'cache writes',
  'requests',
  'signatures',
  'verifications',
] as const
type Counts = Record<(typeof counters)[number], number>

/** Public-key operations of this test, on either side: a client's own are in none of the flows. */
const keyOperations = { sign: 0, verify: 0 }
beforeEach(() => {
  for (const name of ['sign', 'verify'] as const) {
    const original = crypto.subtle[name].bind(crypto.subtle) as (...parameters: unknown[]) => Promise<never>
    vi.spyOn(crypto.subtle, name).mockImplementation((...parameters: unknown[]) => {
      const { algorithm } = parameters[1] as CryptoKey
      if (algorithm.name !== 'HMAC') keyOperations[name]++
      return original(...parameters)
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

class Counted implements Cache {
  readonly inner = memoryCache()
  reads = 0
  writes = 0
  get(key: string): Promise<string | undefined> {
    this.reads++
    return this.inner.get(key)
  }
  put(key: string, value: string, options: { ttl: number }): Promise<void> {
    this.writes++
    return this.inner.put(key, value, options)
  }
  delete(key: string): Promise<void> {
    this.writes++
    return this.inner.delete(key)
  }
}

interface Parts {
  store?: Rig['store']
  cache?: Counted
  requests?: () => number
}

/** Only what happens in `flow` counts. */
async function count(
  { store, cache, requests = () => 0 }: Parts,
  flow: () => Promise<unknown>,
): Promise<Counts> {
  const before = { ...keyOperations, calls: store?.calls.length ?? 0, requests: requests() }
  const cacheBefore = { reads: cache?.reads ?? 0, writes: cache?.writes ?? 0 }
  await flow()
  const calls = store?.calls.slice(before.calls) ?? []
  return {
    reads: calls.filter(({ method }) => method === 'get').length,
    writes: calls.filter(({ method }) => method !== 'get').length,
    'cache reads': (cache?.reads ?? 0) - cacheBefore.reads,
    'cache writes': (cache?.writes ?? 0) - cacheBefore.writes,
    requests: requests() - before.requests,
    signatures: keyOperations.sign - before.sign,
    verifications: keyOperations.verify - before.verify,
  }
}

/** What is read once for all flows has been read: the signing keys, and whether the client is blocked. */
async function warm<R extends Rig>(rig: R): Promise<R> {
  await answered(rig.get(rig.path('jwks')))
  await browserOf(rig).get(await requestUrl())
  return rig
}

const approval = { decision: 'approve', scopes: ['notes:read', 'notes:write'] } as const

const flows: Record<string, () => Promise<Counts>> = {
  'a request without a token': async () => {
    const rig = await warm(pagesRig())
    return count(rig, () => rig.guard(new Request(RES_A, { method: 'POST' })))
  },
  'a request with a token that this instance knows': async () => {
    const rig = await warm(pagesRig())
    const { access_token } = await rig.tokens()
    await rig.call(access_token)
    return count(rig, () => rig.call(access_token))
  },
  'a request with a new JWT of your own server': async () => {
    const rig = await warm(pagesRig())
    const { access_token } = await rig.tokens()
    return count(rig, () => rig.call(access_token))
  },
  'the same with `checkRevocation: 60`, once in 60 s': async () => {
    const rig = await warm(pagesRig({ checkRevocation: 60 }))
    const { access_token } = await rig.tokens()
    const first = await count(rig, () => rig.call(access_token))
    rig.now += 59
    expect((await count(rig, () => rig.call(access_token))).reads).toBe(0)
    rig.now += 2
    expect((await count(rig, () => rig.call(access_token))).reads).toBeGreaterThan(0)
    return first
  },
  'a request with an opaque token of your own server': async () => {
    const scopes = { 'notes:read': 'Read your notes' }
    const rig = await warm(pagesRig({ resources: { [RES_A]: { scopes, accessTokens: 'opaque' } } }))
    const { access_token } = await rig.tokens('pub', { scopes: ['notes:read'] })
    const first = await count(rig, () => rig.call(access_token))
    expect(await count(rig, () => rig.call(access_token))).toEqual(first)
    return first
  },
  'a request with a new JWT of another issuer': async () => {
    const it = await world()
    await it.call(post(await token()))
    const next = await token({ jti: 'another' })
    return count({ requests: () => it.outside.requests.length }, () => it.call(post(next)))
  },
  'the key set of another issuer, once in 600 s': async () => {
    const cache = new Counted()
    const it = await world({ options: { cache } })
    await it.call(post(await token()))
    it.elapsed += 700
    const next = await token({ jti: 'another', exp: 1_790_009_000 })
    const counted = await count({ cache, requests: () => it.outside.requests.length }, () =>
      it.call(post(next)),
    )
    return { ...counted, verifications: counted.verifications - 1 }
  },
  'a request with an opaque token of another issuer, once in 60 s': async () => {
    let asked = 0
    const rs = createResourceServer({
      resource: RES_A,
      authorizationServers: [
        introspectionVerifier(
          oidc({
            issuer: 'https://other.test',
            introspectionEndpoint: 'https://other.test/introspect',
            clientId: 'guard',
            clientSecret: 'a secret of the guard',
          }),
        ),
      ],
      clock: () => 1_800_000_000,
      fetch: async () => {
        asked++
        const claims = {
          sub: 'alice',
          client_id: 'c',
          aud: RES_A,
          iss: 'https://other.test',
          scope: 'notes:read',
        }
        return Response.json({ active: true, exp: 1_800_000_900, ...claims })
      },
    })
    const guarded = rs.protect(() => new Response('done'))
    const call = (): Promise<Response> => guarded(post('an-opaque-token', {}, RES_A))
    const counted = await count({ requests: () => asked }, async () =>
      expect((await call()).status).toBe(200),
    )
    await call()
    expect(asked).toBe(1)
    return counted
  },
  'the metadata, the key set': async () => {
    const rig = await warm(pagesRig())
    return count(rig, async () => {
      await answered(rig.get('https://as.test/.well-known/oauth-authorization-server'))
      await answered(rig.get(rig.path('jwks')))
    })
  },
  'whether a client is blocked, once in 60 s': async () => {
    const rig = await warm(pagesRig())
    rig.now += 61
    return count(rig, async () => browserOf(rig).get(await requestUrl()))
  },
  'the signing keys, once in 300 s': async () => {
    const rig = await warm(pagesRig())
    rig.now += 301
    return count(rig, () => answered(rig.get(rig.path('jwks'))))
  },
  'a registration': async () => {
    const rig = await warm(pagesRig())
    return count(rig, () => registered(rig))
  },
  "a registration with `registration: 'stored'`": async () => {
    const rig = await warm(pagesRig({ registration: 'stored', clientAddress: () => '192.0.2.1' }))
    return count(rig, () => registered(rig))
  },
  'the consent page': async () => {
    const rig = await warm(pagesRig())
    const browser = browserOf(rig, 'alice')
    return count(rig, async () => browser.get(await requestUrl()))
  },
  'the consent page of a new client with a metadata document': async () => {
    const web = new Web()
    web.serve(documentId, document())
    const cache = new Counted()
    const rig = await warm(pagesRig({ fetch: web.fetch, cache }))
    const browser = browserOf(rig, 'alice')
    return count({ store: rig.store, cache, requests: () => web.requests.length }, async () =>
      browser.get(await documentRequest()),
    )
  },
  'an approval': async () => {
    const rig = await warm(pagesRig())
    const browser = browserOf(rig, 'alice')
    const consent = await browser.get(await requestUrl())
    return count(rig, async () => expect((await browser.submit(consent, approval)).status).toBe(303))
  },
  'an approval, and the sign-in at an OpenID provider that follows': async () => {
    const it = new UpstreamWorld()
    await warm(it.rig)
    // The provider's metadata and keys are kept for ten minutes.
    await it.signIn()
    const browser = it.browser()
    const consent = await browser.visit(await requestUrl())
    const asked = it.idp.requests.length
    const own = await count(it.rig, async () => {
      const { location } = await browser.submit(consent, approval)
      const visited = it.idp.requests.length
      const back = await it.idp.visit(location!)
      it.idp.requests.splice(visited)
      await browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
    })
    // The provider signs in this process, too.
    return { ...own, requests: it.idp.requests.length - asked, signatures: own.signatures - 1 }
  },
  'a code exchange': async () => {
    const rig = await warm(pagesRig())
    const approved = await rig.approve('pub')
    return count(rig, async () => expect((await rig.redeem(approved)).status).toBe(200))
  },
  'a refresh': async () => {
    const rig = await warm(pagesRig())
    const { refresh_token } = await rig.tokens()
    return count(rig, async () => expect((await rig.refresh(refresh_token)).status).toBe(200))
  },
  'introspection of an access token': async () => {
    const scopes = { 'notes:read': 'Read your notes' }
    const introspectionSecret = 'a secret of the resource server, long enough'
    const rig = await warm(pagesRig({ resources: { [RES_A]: { scopes, introspectionSecret } } }))
    const { access_token } = await rig.tokens('pub', { scopes: ['notes:read'] })
    const introspect = async (): Promise<void> => {
      const response = await rig.post(
        { token: access_token },
        { url: rig.path('introspect'), headers: basic(RES_A, introspectionSecret) },
      )
      expect(await response.json()).toMatchObject({ active: true })
    }
    // Whether its client is blocked is read the first time.
    await introspect()
    return count(rig, introspect)
  },
  'revocation of a refresh token by its client': async () => {
    const rig = await warm(pagesRig())
    const { refresh_token } = await rig.tokens()
    const form = { token: refresh_token, client_id: 'pub' }
    return count(rig, () => rig.post(form, { url: rig.path('revoke') }))
  },
  '`as.grants.revoke(subject, grantId)`': async () => {
    const rig = await warm(pagesRig())
    const { grantId } = await rig.tokens()
    return count(rig, () => rig.as.grants.revoke('alice', grantId))
  },
  '`as.revokeAll()`': async () => {
    const rig = await warm(pagesRig())
    return count(rig, () => rig.as.revokeAll())
  },
  'the account page of a user with one connected app': async () => {
    const rig = await warm(pagesRig())
    await rig.tokens()
    const browser = browserOf(rig, 'alice')
    return count(rig, () => browser.get('/account'))
  },
  '`auth.upstream()`, the token still good': async () => {
    const it = await upstreamTool()
    return it.count(() => it.auth.upstream())
  },
  '`auth.upstream()`, the token renewed': async () => {
    const it = await upstreamTool()
    it.rig.now += 3550
    await warm(it.rig)
    await it.signIn()
    return it.count(() => it.auth.upstream())
  },
  "`auth.upstream('github')`, a linked account": async () => {
    const rig = await warm(new LinksRig())
    const auth = await linkAccount(rig)
    return count(rig, () => auth.upstream('github'))
  },
  '`health(rs, as)`': async () => {
    const rig = await warm(pagesRig())
    const rs = createResourceServer({ resource: RES_A, authorizationServers: [rig.as], clock: () => rig.now })
    return count(rig, async () => expect((await health(rs, rig.as)).ok).toBe(true))
  },
}

async function upstreamTool() {
  const it = new UpstreamWorld()
  await warm(it.rig)
  const { access_token } = await it.tokens(await it.signIn())
  await it.rig.call(access_token)
  return {
    rig: it.rig,
    signIn: () => it.signIn(),
    auth: it.rig.seen.at(-1)!,
    count: (flow: () => Promise<unknown>) =>
      count({ store: it.rig.store, requests: () => it.idp.requests.length }, flow),
  }
}

const page = readFileSync(join(import.meta.dirname, '../../docs/guide/operate/cost.md'), 'utf8')

/** The rows of the table that begins with this heading. */
function table(heading: string): { name: string; cells: string[] }[] {
  const [, ...rows] = page
    .slice(page.indexOf(`| ${heading} `))
    .split('\n\n')[0]!
    .split('\n')
    .slice(1)
  return rows.map((row) => {
    const [name, ...cells] = row.slice(2, -2).split(' | ')
    return { name: name!.trim(), cells: cells.map((each) => each.trim()) }
  })
}

const documented = new Map(
  table('flow').map(({ name, cells }) => [
    name,
    Object.fromEntries(counters.map((each, i) => [each, Number(cells[i])])) as Counts,
  ]),
)

describe('what each flow costs, as the page says', () => {
  test('the table has these flows and no other', () => {
    expect([...documented.keys()]).toEqual(Object.keys(flows))
  })
  test.for(Object.entries(flows))('%s', async ([name, flow]) => {
    expect(await flow()).toEqual(documented.get(name))
  })
})

/** The flows of each row of the second table. */
const bills: Record<string, string[]> = {
  'requests with a JWT or a token that is known': ['a request with a new JWT of your own server'],
  'requests with an opaque token': ['a request with an opaque token of your own server'],
  'sign-ins with your own login: page, approval, code exchange': [
    'the consent page',
    'an approval',
    'a code exchange',
  ],
  'sign-ins at a provider: page, approval, callback, code exchange': [
    'the consent page',
    'an approval, and the sign-in at an OpenID provider that follows',
    'a code exchange',
  ],
  refreshes: ['a refresh'],
  'revocations by a client': ['revocation of a refresh token by its client'],
  'tool calls that use an upstream token': ['`auth.upstream()`, the token still good'],
  'renewals of an upstream token': ['`auth.upstream()`, the token renewed'],
}

test('the money follows from the counts, by the formulas of the page', () => {
  const rows = table('a million times')
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(bills))
  for (const { name, cells } of rows) {
    const counts = bills[name]!.map((each) => documented.get(each)!)
    const sum = (of: (counts: Counts) => number): number => counts.reduce((all, each) => all + of(each), 0)
    const [r, c, w, n] = cells.map(Number) as [number, number, number, number]
    expect([c, w], name).toEqual([sum(({ reads, writes }) => reads + writes), sum(({ writes }) => writes)])
    const dollars = [0.3 * r + 0.15 * c + w + n, 0.3 * r + 0.001 * c + w + n, 2 * c]
    expect(cells.slice(4), name).toEqual(dollars.map((each) => each.toFixed(2)))
  }
})
