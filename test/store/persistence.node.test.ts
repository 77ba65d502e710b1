// The built Worker of the example is restarted on what it has written down: its grants in Durable Objects, its notes in KV.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectV2, sdkSession } from '../support/runtime-clients.ts'
import { startHost } from '../support/runtime-hosts.ts'
import { freePort } from '../support/runtime-port.ts'

test(
  'a Worker that is started again knows its grants, its keys and its notes',
  { timeout: 90_000 },
  async () => {
    const persistTo = mkdtempSync(join(tmpdir(), 'tollgate-state-'))
    const port = await freePort()
    const session = sdkSession('Before and after')

    const first = await startHost('workerd', 'internal', { port, persistTo })
    const before = await connectV2(first.url, session)
    await before.call('write_note', { title: 'Kept', text: 'Still here' }).catch(() => before.stepUp())
    await before.call('write_note', { title: 'Kept', text: 'Still here' })
    await before.close()
    await first.close()

    const second = await startHost('workerd', 'internal', { port, persistTo })
    // The access token of yesterday: the signing key is still in the ring.
    const kept = session.provider.tokens()!
    const after = await connectV2(second.url, session)
    expect(await after.call('read_note', { title: 'Kept' })).toBe('Still here')
    expect(session.provider.tokens()).toEqual(kept)
    await after.close()

    // And the refresh token: the grant is still there.
    session.provider.saveTokens({ ...kept, access_token: 'gone' })
    const refreshed = await connectV2(second.url, session)
    expect(await refreshed.call('read_note', { title: 'Kept' })).toBe('Still here')
    expect(session.provider.tokens()!.refresh_token).not.toBe(kept.refresh_token)
    await refreshed.close()
    await second.close()
    rmSync(persistTo, { recursive: true, force: true })
  },
)
