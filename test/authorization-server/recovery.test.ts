// What docs/guide/operate/recovery.md promises, step by step.
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store, TollgateEvent } from '../../src/types.ts'
import { answered, ok, refusal, Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  cookieLogin,
  pagesRig,
  registered,
  requestUrl,
  verifier,
} from '../support/pages.ts'

/** A store that holds what this one holds now. */
async function backupOf({ store }: Rig): Promise<Store> {
  const backup = memoryStore()
  for (const key of new Set(store.written.map((each) => each.key))) {
    const found = await store.get(key)
    const { value, expiresAt } = found ?? {}
    if (value !== undefined)
      await backup.put(key, value, { ifVersion: null, ...(expiresAt === undefined ? {} : { expiresAt }) })
  }
  return backup
}

/** New processes on a restored store: what the old ones had in memory is gone. */
function restored(rig: Rig, store: Store, secret?: string): Rig {
  const next = new Rig({ signIn: cookieLogin(), ...(secret === undefined ? {} : { secret }), store })
  next.now = rig.now
  return next
}

const later = 3600

async function signIn(rig: Rig, clientId = 'pub') {
  const browser = browserOf(rig, 'alice')
  const evil = clientId === 'pub' ? {} : { client_id: clientId, redirect_uri: 'https://evil.test/cb' }
  const page = await browser.get(await requestUrl(evil))
  const shown = await browser.submit(page, { decision: 'approve', scopes: ['notes:read', 'notes:write'] })
  const code = { code: codeOf(shown), verifier, grantId: '' }
  const form = { client_id: clientId, redirect_uri: evil.redirect_uri ?? 'http://127.0.0.1:3000/cb' }
  return ok(await rig.redeem(code, form))
}

test('ST restore: honest sessions go on, also if their refresh token is newer than the backup', async () => {
  const rig = pagesRig()
  const tokens = await rig.tokens()
  const backup = await backupOf(rig)
  rig.now += later
  const { refresh_token } = await ok(await rig.refresh(tokens.refresh_token))
  const next = restored(rig, backup)
  await ok(await next.refresh(refresh_token))
  expect(next.events.map(({ type }) => type)).toContain('refresh.ahead')
})

test('ST restore: what was revoked since the backup is alive, until the events are replayed', async () => {
  const rig = pagesRig()
  const one = await rig.tokens()
  const other = await rig.tokens()
  const evil = await registered(rig)
  const evilTokens = await signIn(rig, evil)
  const backup = await backupOf(rig)
  rig.now += later
  await rig.as.grants.revoke('alice', one.grantId)
  await rig.as.clients.block(evil)

  const next = restored(rig, backup)
  const since = rig.events.filter((event: TollgateEvent) => event.at >= rig.now)
  expect((await ok(await next.refresh(one.refresh_token))).access_token).toBeDefined()
  for (const { type, subject, grantId, clientId } of since) {
    if (type === 'grant.revoked') await next.as.grants.revoke(subject!, grantId)
    if (type === 'client.blocked') await next.as.clients.block(clientId!)
  }
  expect(await refusal(await next.refresh(one.refresh_token))).toBe('400 invalid_grant')
  expect(await refusal(await next.refresh(evilTokens.refresh_token, { client_id: evil }))).toBe(
    '401 invalid_client',
  )
  await ok(await next.refresh(other.refresh_token))
})

test('ST restore: revokeAll() ends everything that the backup brought back', async () => {
  const rig = pagesRig()
  const tokens = await rig.tokens()
  const next = restored(rig, await backupOf(rig))
  await next.as.revokeAll()
  expect(await refusal(await next.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await next.call(tokens.access_token)).toBe(401)
  expect((await signIn(next)).access_token).toBeDefined()
})

test('ST lost store: clients that registered without a store sign in again, without registering', async () => {
  const rig = pagesRig()
  const clientId = await registered(rig)
  const tokens = await signIn(rig, clientId)
  const next = restored(rig, memoryStore())
  expect(await next.call(tokens.access_token)).toBe(401)
  expect(await refusal(await next.refresh(tokens.refresh_token, { client_id: clientId }))).toBe(
    '400 invalid_grant',
  )
  expect((await signIn(next, clientId)).access_token).toBeDefined()
})

test('ST lost secret: 503 until revokeAll(), then sign-ins work under the new one', async () => {
  const rig = pagesRig()
  const clientId = await registered(rig)
  const tokens = await signIn(rig)
  const next = restored(rig, await backupOf(rig), 'another deployment secret, of more than forty bytes')
  expect((await answered(next.get(next.path('jwks')))).status).toBe(503)
  expect((await next.refresh(tokens.refresh_token)).status).toBe(503)
  await next.as.revokeAll()
  expect((await answered(next.get(next.path('jwks')))).status).toBe(200)
  expect(await refusal(await next.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await next.call(tokens.access_token)).toBe(401)
  expect((await signIn(next)).access_token).toBeDefined()
  // Its id was sealed under the lost secret.
  const form = { client_id: clientId, grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  expect(await refusal(await next.post(form))).toBe('401 invalid_client')
})

test('ST stolen dump: no stored record holds a token, a verifier or the secret', async () => {
  const rig = pagesRig()
  const clientId = await registered(rig)
  const tokens = await signIn(rig, clientId)
  await rig.refresh(tokens.refresh_token, { client_id: clientId })
  const dump = rig.store.written.map(({ key, value }) => `${key} ${value}`).join('\n')
  for (const secret of [tokens.access_token, tokens.refresh_token, String(rig.options.secret), verifier])
    expect(dump).not.toContain(secret)
  // What it does tell, as docs/storage.md says.
  expect(dump).toContain('"subject":"alice"')
  expect(dump).toContain('"clientName":"Evil"')
})
