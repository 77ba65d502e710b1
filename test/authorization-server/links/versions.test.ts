// What version 1 stored and sealed for linked accounts is read for ever, and a version that is not known is
// refused.
import { expect, test } from 'vitest'
import { fixture as v1 } from '../../fixtures/v1/links.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import { LinksRig } from '../../support/links.ts'
import { browserOf } from '../../support/pages.ts'
import { browserWith, laterSealed, submit } from '../../support/versions-world.ts'

type Fixture = typeof v1

const issuer = 'https://as.test'

async function worldOf({ store: records, clock }: Fixture): Promise<LinksRig> {
  const store = memoryStore()
  for (const { key, value, expiresAt } of records as readonly Stored[])
    await store.put(key, value, { ifVersion: null, ...(expiresAt === undefined ? {} : { expiresAt }) })
  const rig = new LinksRig({ store })
  rig.now = clock
  return rig
}

interface Stored {
  key: string
  value: string
  expiresAt?: number
}

const upstreamOf = async (fixture: Fixture): Promise<unknown> => {
  const rig = await worldOf(fixture)
  const auth = await rig.authWith(fixture.token)
  return auth.upstream('github').then(
    ({ accessToken }) => accessToken,
    ({ status, code }: { status: number; code: string }) => `${status} ${code}`,
  )
}

test('a linked account: of version 1 it is read, of a later one it is an outage', async () => {
  expect(await upstreamOf(v1)).toBe('github access token of octocat')
  const store = await Promise.all(
    v1.store.map(async (each) => {
      if (!each.key.endsWith(':link-github')) return each
      // The key without the hash of the issuer.
      const key = each.key.slice(13)
      return { ...each, value: await laterSealed('seal', `${issuer}\n${key}`, each.value) }
    }),
  )
  expect(await upstreamOf({ ...v1, store: store as Fixture['store'] })).toBe('503 temporarily_unavailable')
})

test('a link: of version 1 it is opened, of a later one it is refused', async () => {
  const open = async (link: string): Promise<number> =>
    (await browserOf(await worldOf(v1), 'alice').get(link)).status
  expect(await open(v1.link)).toBe(200)
  const [path, ticket] = v1.link.split('?ticket=') as [string, string]
  expect(await open(`${path}?ticket=${await laterSealed('form', `${issuer}\nlink`, ticket)}`)).toBe(400)
})

test('a link form: of version 1 it is accepted, of a later one it is refused', async () => {
  const send = async (page: string): Promise<number> =>
    (await submit(browserWith(await worldOf(v1), v1.form.cookies), page, 'approve')).status
  expect(await send(v1.form.page)).toBe(303)
  const sealed = /name="token" value="([^"]*)"/.exec(v1.form.page)![1]!
  const later = await laterSealed('form', `${issuer}\nconnect`, sealed)
  expect(await send(v1.form.page.replaceAll(sealed, later))).toBe(403)
})
