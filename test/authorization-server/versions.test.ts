// Every record that version 1 wrote is read for ever, and a version that is not known is refused.
import { describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { fixture as v1 } from '../fixtures/v1/authorization-server.ts'
import { assertionForm } from '../support/client-assertions.ts'
import { documentId } from '../support/client-documents.ts'
import { browserOf, requestUrl } from '../support/pages.ts'
import { payload, RES_A, RES_B, refusal, type Tokens } from '../support/as.ts'
import {
  browserWith,
  callWith,
  get,
  later,
  laterSealed,
  submit,
  withRecord,
  worldOf,
  type Fixture,
  type World,
} from '../support/versions-world.ts'

interface Case {
  /** What shows that the record was read. */
  readonly use: (world: World) => unknown
  readonly read: unknown
  /** The fixture as a later version would have written it. */
  readonly later: (fixture: Fixture) => Fixture | Promise<Fixture>
  readonly refused: unknown
}

const issuer = 'https://as.test'
const unavailable = '503 temporarily_unavailable'

const stored = (end: string) => (fixture: Fixture) => withRecord(fixture, end, later)
const sealedInGrant = (what: string) => (fixture: Fixture) =>
  withRecord(fixture, ':grant', async (value) => {
    const record = JSON.parse(value) as Record<string, string>
    const id = fixture.store
      .find((each) => each.value === value)!
      .key.split(':')[0]!
      .slice(13)
    if (record[what] === undefined) return value
    return JSON.stringify({
      ...record,
      [what]: await laterSealed('seal', `${issuer}\n${id}:${what}`, record[what]),
    })
  })
const failure = (error: unknown): string =>
  error instanceof UnavailableError ? `${error.status} ${error.code}` : String(error)
const outcome = async (work: Promise<unknown>): Promise<unknown> => work.catch(failure)

/** A page whose form carries a sealed value, as a later version would have sealed that. */
async function laterForm(page: string, field: string, context: string): Promise<string> {
  const sealed = new RegExp(`name="${field}" value="([^"]*)"`).exec(page)![1]!
  return page.replaceAll(sealed, await laterSealed('form', `${issuer}\n${context}`, sealed))
}

const laterCookie = async (
  cookies: readonly (readonly string[])[],
  name: RegExp,
  context: string,
): Promise<string[][]> =>
  Promise.all(
    cookies.map(async ([key, value]) => [
      key!,
      name.test(key!) ? await laterSealed('cookie', `${issuer}\n${context}`, value!) : value!,
    ]),
  )

const stateOf = (location: string): string => new URL(location).searchParams.get('state')!

/** By kind of record, as its codec names it. */
export const cases: Readonly<Record<string, Case>> = {
  grant: {
    use: async ({ rig, fixture }) => {
      const response = await rig.refresh(fixture.refreshToken)
      return response.ok
        ? payload(((await response.json()) as Tokens).access_token)['choices']
        : response.status
    },
    read: { workspace: 'acme' },
    later: stored(':grant'),
    refused: 503,
  },
  user: {
    use: ({ rig, fixture }) =>
      outcome(rig.as.grants.list('alice').then((all) => all.some(({ id }) => id === fixture.grantId))),
    read: true,
    later: stored(':user'),
    refused: unavailable,
  },
  'key ring': {
    use: async ({ rig }) => {
      const response = await get(rig, rig.path('jwks'))
      const { keys } = (await response.json()) as { keys?: { kid: string }[] }
      return keys?.map(({ kid }) => kid) ?? response.status
    },
    read: [v1.keyId],
    later: stored('keys:ring'),
    refused: 503,
  },
  'signing key': {
    use: async ({ rig }) => (await get(rig, rig.path('jwks'))).status,
    read: 200,
    later: (fixture) =>
      withRecord(fixture, 'keys:ring', async (value) => {
        const ring = JSON.parse(value) as { keys: { kid: string; wrapped: string }[] }
        for (const key of ring.keys)
          key.wrapped = await laterSealed('key-wrap', `${issuer}\n${key.kid}`, key.wrapped)
        return JSON.stringify(ring)
      }),
    refused: 503,
  },
  client: {
    use: ({ rig, fixture }) =>
      outcome(rig.context.clients.find(fixture.stored.id).then((client) => client?.name)),
    read: 'A registered client',
    later: stored(':client'),
    refused: unavailable,
  },
  quota: {
    use: async ({ rig }) => (await rig.register({ redirect_uris: ['https://new.test/cb'] })).status,
    read: 201,
    later: stored('registrations:quota'),
    refused: 503,
  },
  block: {
    use: ({ rig }) => outcome(Promise.resolve(rig.context.clients.isBlocked('blocked'))),
    read: true,
    later: stored(':block'),
    refused: unavailable,
  },
  assertion: {
    // That the record is there says that the assertion was used, whatever version has written it.
    use: async ({ rig, fixture }) => {
      const form = { grant_type: 'refresh_token', client_id: 'signing', refresh_token: fixture.refreshToken }
      return refusal(await rig.post({ ...form, ...assertionForm(fixture.assertion) }))
    },
    read: '401 invalid_client',
    later: async (fixture) => ({
      ...fixture,
      store: fixture.store.map((each) =>
        each.key.includes(':assertion-') ? { ...each, value: later(each.value) } : each,
      ) as Fixture['store'],
    }),
    refused: '401 invalid_client',
  },
  props: {
    use: ({ rig, fixture }) => callWith(rig, fixture.opaque, RES_B),
    read: { plan: 'x'.repeat(2000) },
    later: sealedInGrant('props'),
    refused: 503,
  },
  upstream: {
    use: async ({ rig, fixture }) => {
      await callWith(rig, fixture.jwt, RES_A)
      return outcome(rig.seen[0]!.upstream().then(({ accessToken }) => accessToken))
    },
    read: 'upstream access token',
    later: sealedInGrant('upstream'),
    refused: unavailable,
  },
  'client id': {
    use: async ({ rig, fixture }) => (await rig.context.clients.find(fixture.stateless.id))?.name,
    read: 'A registered client',
    later: async (fixture) => {
      const id = await laterSealed('client-id', `${issuer}\nclient`, fixture.stateless.id.slice(4))
      return { ...fixture, stateless: { ...fixture.stateless, id: `tgc_${id}` } }
    },
    refused: undefined,
  },
  'access token': {
    use: ({ rig, fixture }) => rig.call(fixture.opaque, rig.guardB, RES_B),
    read: 200,
    later: async (fixture) => {
      const prefix = fixture.opaque.slice(0, 12)
      const sealed = await laterSealed('access-token', `${issuer}\naccess-token`, fixture.opaque.slice(12))
      return { ...fixture, opaque: prefix + sealed }
    },
    refused: 401,
  },
  'client document': {
    use: async ({ rig }) => {
      const to = { client_id: documentId, redirect_uri: 'https://c.test/cb' }
      return (await browserOf(rig, 'alice').get(await requestUrl(to))).status
    },
    read: 200,
    later: async (fixture) => ({
      ...fixture,
      cache: Object.fromEntries(
        await Promise.all(
          Object.entries(fixture.cache).map(async ([key, sealed]) => [
            key,
            await laterSealed('cache', JSON.stringify([issuer, key]), sealed),
          ]),
        ),
      ) as Fixture['cache'],
    }),
    // It is fetched again, which fails here.
    refused: 400,
  },
  transaction: {
    use: async ({ rig, fixture: { transaction } }) =>
      (await submit(browserWith(rig, transaction.cookies), transaction.page, 'approve')).status,
    read: 303,
    later: async (fixture) => ({
      ...fixture,
      transaction: {
        ...fixture.transaction,
        page: await laterForm(fixture.transaction.page, 'transaction', 'request'),
      },
    }),
    refused: 403,
  },
  'sign-in proof': {
    use: async ({ rig, fixture: { proof } }) => {
      const back = new URL(proof.location).searchParams.get('return_to')!
      return (await browserWith(rig, proof.cookies).get(back)).status
    },
    // Not sent to the login again.
    read: 200,
    later: async (fixture) => {
      const location = new URL(fixture.proof.location)
      const back = new URL(location.searchParams.get('return_to')!, issuer)
      const sealed = back.searchParams.get('signed_in')!
      back.searchParams.set('signed_in', await laterSealed('form', `${issuer}\nfresh`, sealed))
      location.searchParams.set('return_to', back.pathname + back.search)
      return { ...fixture, proof: { ...fixture.proof, location: location.href } }
    },
    refused: 303,
  },
  'sign-in': {
    use: async ({ upstream, fixture: { leg } }) => {
      const callback = `/authorize/callback?state=${stateOf(leg.location)}&code=c`
      return (await browserWith(upstream, leg.cookies).get(callback)).status
    },
    read: 303,
    later: async (fixture) => {
      const { leg } = fixture
      const context = `sign-in:${stateOf(leg.location)}`
      return { ...fixture, leg: { ...leg, cookies: await laterCookie(leg.cookies, /sign-in-/, context) } }
    },
    refused: 403,
  },
  session: {
    use: async ({ upstream, fixture: { account } }) =>
      (await browserWith(upstream, account.cookies).get('/account')).status,
    read: 200,
    later: async (fixture) => ({
      ...fixture,
      account: {
        ...fixture.account,
        cookies: await laterCookie(fixture.account.cookies, /session/, 'session'),
      },
    }),
    // To the sign-in.
    refused: 303,
  },
  'account form': {
    use: async ({ upstream, fixture: { account } }) =>
      (await submit(browserWith(upstream, account.cookies), account.page, undefined)).status,
    read: 303,
    later: async (fixture) => ({
      ...fixture,
      account: { ...fixture.account, page: await laterForm(fixture.account.page, 'token', 'account') },
    }),
    refused: 403,
  },
}

describe.each(Object.entries(cases))('%s', (_, each) => {
  test('of version 1 is read', async () => {
    expect(await each.use(await worldOf(v1))).toEqual(each.read)
  })

  test('of a later version is refused', async () => {
    expect(await each.use(await worldOf(await each.later(v1)))).toEqual(each.refused)
  })
})

// These have no version of their own: the number and length of their parts is one, and a JWT has its `typ`.
test('a code, a refresh token and a JWT of version 1 are accepted', async () => {
  const { rig } = await worldOf(v1)
  expect((await rig.redeem(v1.code)).status).toBe(200)
  expect((await rig.refresh(v1.refreshToken)).status).toBe(200)
  expect(await callWith(rig, v1.jwt, RES_A)).toEqual({ plan: 'gold' })
})

test('a consent that version 1 remembered is not asked for again', async () => {
  const { rig } = await worldOf(v1)
  const request = await requestUrl({ client_id: 'pub', redirect_uri: 'https://app.test/cb' })
  expect((await browserOf(rig, 'alice').get(request)).location?.searchParams.has('code')).toBe(true)
})

test('the secret of a client that version 1 registered is accepted', async () => {
  const { clients } = (await worldOf(v1)).rig.context
  for (const { id, secret } of [v1.stateless, v1.stored])
    expect(await (await clients.find(id))?.checkSecret(secret)).toBe(true)
})
