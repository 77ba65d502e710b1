// What the user may choose on the consent page, and what is granted of it: S12, T9, U8.
import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { ok, payload, refusal, RES_A, RES_B, resources, Rig, type Tokens } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  cookieLogin,
  expectLocal,
  expectRedirect,
  grantsWritten,
  pagesRig,
  requestUrl,
  verifier,
  type Shown,
} from '../support/pages.ts'

const redirect_uri = 'http://127.0.0.1:3000/cb'
const both = { resource: [RES_A, RES_B], scope: undefined }

/** The checkboxes: name, value, and whether they are ticked or fixed. */
const boxes = ({ text }: Shown): string[] =>
  [...text.matchAll(/<input\s+type="checkbox"([^>]*)>/g)].map(([, rest]) => {
    const named = /name="([^"]*)"/.exec(rest!)?.[1] ?? ''
    const value = /value="([^"]*)"/.exec(rest!)?.[1]
    return [named, value, /\schecked/.test(rest!) ? 'ticked' : '', /\sdisabled/.test(rest!) ? 'fixed' : '']
      .filter((each) => each !== '')
      .join(' ')
  })

const read = ({ text }: Shown): string =>
  /<main[\s\S]*<\/main>/
    .exec(text)![0]
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

/** Approves with these boxes ticked, and redeems the code for a resource. */
async function approved(
  rig: Rig,
  ticked: readonly [name: string, value: string][],
  resource?: string,
): Promise<Response> {
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl(both))
  const hidden = [...page.text.matchAll(/name="transaction" value="([^"]*)"/g)][0]![1]!
  const form = new URLSearchParams([['transaction', hidden], ['decision', 'approve'], ...ticked])
  const code = codeOf(await browser.post('/authorize', form))
  const target: Record<string, string> = resource === undefined ? {} : { resource }
  return rig.redeem({ code, verifier, grantId: '' }, { redirect_uri, ...target })
}

const scopeAt = async (response: Response, rig: Rig, resource: string): Promise<string> => {
  const { refresh_token } = await ok(response)
  const refreshed: Tokens = await ok(await rig.refresh(refresh_token, { resource }))
  expect(payload(refreshed.access_token)['aud']).toBe(resource)
  expect(payload(refreshed.access_token)['scope']).toBe(refreshed.scope)
  return refreshed.scope
}

test('S12 two resources with the same scope: each has its own meaning and is granted by itself', async () => {
  const rig = pagesRig()
  const page = await browserOf(rig, 'alice').get(await requestUrl(both))
  expect(read(page)).toMatch(
    /mcp\.test.*Read your notes.*Change your notes.*mcp\.test.*Read the other notes.*Administer B/,
  )
  expect(boxes(page)).toEqual([
    'scope notes:read ticked',
    'scope notes:write ticked',
    'scope-1 notes:read ticked',
    'scope-1 b:admin ticked',
  ])
  const tokens = await approved(rig, [
    ['scope', 'notes:write'],
    ['scope-1', 'notes:read'],
  ])
  expect(await scopeAt(tokens.clone(), rig, RES_A)).toBe('notes:write')
  const [grant] = await rig.as.grants.list('alice')
  expect(grant).toMatchObject({ access: { [RES_A]: ['notes:write'], [RES_B]: ['notes:read'] } })
  const account = read(await browserOf(rig, 'alice').get('/account'))
  expect(account).toMatch(/mcp\.test: Change your notes.*mcp\.test: Read the other notes/)
  expect(account).not.toMatch(/Read your notes|Administer B/)
})

test('S12 the name of a scope grants nothing at the other resource', async () => {
  const rig = pagesRig()
  const tokens = await approved(rig, [
    ['scope', 'notes:read'],
    ['scope-1', 'b:admin'],
  ])
  const { refresh_token, scope } = await ok(tokens)
  expect(scope).toBe('notes:read')
  const b = await ok(await rig.refresh(refresh_token, { resource: RES_B }))
  expect(b.scope).toBe('b:admin')
  // A scope that was granted, but not there: nothing is left, and the token stays valid.
  const other = { resource: RES_B, scope: 'notes:read' }
  expect(await refusal(await rig.refresh(b.refresh_token, other))).toBe('400 invalid_scope')
  expect(
    (await ok(await rig.refresh(b.refresh_token, { resource: RES_B, scope: 'notes:read b:admin' }))).scope,
  ).toBe('b:admin')
})

test('T9 two resources, scopes of one selected: the other is not in the grant and gets no token', async () => {
  const rig = pagesRig()
  const tokens = await approved(rig, [['scope-1', 'b:admin']], RES_B)
  const { refresh_token, access_token } = await ok(tokens)
  expect(payload(access_token)['aud']).toBe(RES_B)
  expect(await refusal(await rig.refresh(refresh_token, { resource: RES_A }))).toBe('400 invalid_target')
  expect(await scopeAt(new Response(JSON.stringify({ refresh_token })), rig, RES_B)).toBe('b:admin')
  expect(await rig.as.grants.list('alice')).toMatchObject([{ resources: [RES_B], scopes: ['b:admin'] }])
})

test('T9 a code for a resource without a selected scope: invalid_target, and the code stays valid', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl(both))
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  const redeem = (resource?: string): Promise<Response> =>
    rig.redeem(
      { code, verifier, grantId: '' },
      { redirect_uri, ...(resource === undefined ? {} : { resource }) },
    )
  expect(await refusal(await redeem(RES_B))).toBe('400 invalid_target')
  expect((await ok(await redeem())).scope).toBe('notes:read')
})

test('T9 a resource of which no scope was asked for is not part of the request', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl({ ...both, scope: 'b:admin' }))
  expect(read(page)).not.toContain(RES_A + ' ')
  codeOf(await browser.submit(page, { decision: 'approve' }))
  expect(await rig.as.grants.list('alice')).toMatchObject([{ resources: [RES_B], scopes: ['b:admin'] }])
})

test('T9 a user who may grant nothing of one resource grants nothing of it', async () => {
  const rig = pagesRig({ signIn: cookieLogin({ alice: { scopes: ['b:admin'] } }) })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl(both))
  codeOf(await browser.submit(page, { decision: 'approve' }))
  expect(await rig.as.grants.list('alice')).toMatchObject([{ resources: [RES_B], scopes: ['b:admin'] }])
})

test('T9 a stored grant without scopes by resource: invalid_target for a resource without these scopes', async () => {
  const rig = new Rig()
  const tokens = await rig.tokens('pub', { resources: [RES_A, RES_B], scopes: ['notes:write'] })
  const { key, value } = rig.store.written.at(-1)!
  const { version } = (await rig.store.get(key))!
  const { access: _, ...before } = JSON.parse(value) as Record<string, unknown>
  await rig.store.put(key, JSON.stringify(before), { ifVersion: version })
  expect(await refusal(await rig.refresh(tokens.refresh_token, { resource: RES_B }))).toBe(
    '400 invalid_target',
  )
  expect((await ok(await rig.refresh(tokens.refresh_token))).scope).toBe('notes:write')
})

test('a resource without scopes stays in the grant beside one with scopes', async () => {
  const rig = pagesRig({ resources: { ...resources, [RES_A]: { name: 'Plain', scopes: {} } } })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl({ ...both }))
  expect(read(page)).toContain('Plain : no particular permission')
  const form = new URLSearchParams(
    /name="transaction" value="([^"]*)"/
      .exec(page.text)!
      .slice(1)
      .map((each) => ['transaction', each]),
  )
  form.set('decision', 'approve')
  form.append('scope-1', 'b:admin')
  const code = codeOf(await browser.post('/authorize', form))
  const { refresh_token, scope } = await ok(
    await rig.redeem({ code, verifier, grantId: '' }, { redirect_uri }),
  )
  expect(scope).toBe('')
  expect((await ok(await rig.refresh(refresh_token, { resource: RES_B }))).scope).toBe('b:admin')
})

test('U8 one scope: nothing to choose, Approve grants it', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl({ scope: 'notes:write' }))
  expect([boxes(page), read(page).includes('Change your notes')]).toEqual([[], true])
  codeOf(await browser.submit(page, { decision: 'approve' }))
  expect((await rig.as.grants.list('alice'))[0]!.scopes).toEqual(['notes:write'])
})

test('U8 several scopes: all are selected, and the user deselects some', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  expect(boxes(page)).toEqual(['scope notes:read ticked', 'scope notes:write ticked'])
  const none = await browser.submit(page, { decision: 'approve' })
  expectLocal(none)
  expect(boxes(none)).toEqual(['scope notes:read', 'scope notes:write'])
  codeOf(await browser.submit(none, { decision: 'approve', scopes: ['notes:read'] }))
  expect((await rig.as.grants.list('alice'))[0]!.scopes).toEqual(['notes:read'])
})

test('U8 consent: { preselect: false }: nothing is ticked beforehand, but what is required', async () => {
  const rig = pagesRig({ consent: { preselect: false } })
  expect(boxes(await browserOf(rig, 'alice').get(await requestUrl()))).toEqual([
    'scope notes:read',
    'scope notes:write',
  ])
  const requiring = pagesRig({
    consent: { preselect: false },
    resources: { [RES_A]: { ...resources[RES_A]!, requiredScopes: ['notes:read'] } },
  })
  expect(boxes(await browserOf(requiring, 'alice').get(await requestUrl()))).toEqual([
    'notes:read ticked fixed',
    'scope notes:write',
  ])
})

test('U8 a required scope is marked, fixed, and granted with the others', async () => {
  const requiredScopes = ['notes:read']
  const rig = pagesRig({ resources: { [RES_A]: { ...resources[RES_A]!, requiredScopes } } })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  expect(boxes(page)).toEqual(['notes:read ticked fixed', 'scope notes:write ticked'])
  expect(read(page)).toMatch(/Read your notes \(required\)/)
  codeOf(await browser.submit(page, { decision: 'approve' }))
  expect((await rig.as.grants.list('alice'))[0]!.scopes).toEqual(['notes:read'])
  // What was not asked for is not granted, required or not.
  const other = await browser.get(await requestUrl({ scope: 'notes:write', state: '2' }))
  codeOf(await browser.submit(other, { decision: 'approve' }))
  expect((await rig.as.grants.list('alice')).map(({ scopes }) => scopes.join(' ')).sort()).toEqual([
    'notes:read',
    'notes:write',
  ])
})

test('U8 of several resources one can be left out whole, but not cut below what it requires', async () => {
  const requiring = {
    ...resources,
    [RES_B]: { ...resources[RES_B]!, name: 'B', requiredScopes: ['notes:read'] },
  }
  const rig = pagesRig({ resources: requiring })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl(both))
  expect(boxes(page)).toContain('scope-1 notes:read ticked')
  const cut = await browser.submit(page, {
    decision: 'approve',
    scopes: ['notes:read'],
    fields: { 'scope-1': 'b:admin' },
  })
  expectLocal(cut)
  expect(read(cut)).toContain('B does not work without “Read the other notes”')
  expect(grantsWritten(rig)).toBe(0)
  codeOf(await browser.submit(cut, { decision: 'approve', scopes: ['notes:read'] }))
  expect((await rig.as.grants.list('alice'))[0]!.resources).toEqual([RES_A])
})

test('U8 options: wrong ones say so', () => {
  const construct = (options: Record<string, unknown>) => (): unknown => pagesRig(options)
  expect(construct({ consent: { preselect: 'no' } })).toThrow(ConfigurationError)
  expect(construct({ consent: { preselected: false } })).toThrow(/did you mean "preselect"/)
  for (const requiredScopes of [['notes:reed'], 'notes:read', [1]])
    expect(construct({ resources: { [RES_A]: { ...resources[RES_A]!, requiredScopes } } })).toThrow(
      ConfigurationError,
    )
})

test('AZ11 a request for scopes that exist at no requested resource', async () => {
  const rig = pagesRig()
  expectRedirect(await browserOf(rig, 'alice').get(await requestUrl({ scope: 'b:admin' })), 'invalid_scope')
})
