// Every real client of this folder, from its first 401 to the end of its tokens.
import { expect, test } from 'vitest'
import { RealClientRun, scopesOf } from '../../support/real-client.ts'
import { refusal } from '../../support/as.ts'
import { realClients } from './index.ts'

const runs = realClients.flatMap((client) =>
  client.identities.map((identity) => ({
    client,
    identity,
    title: `${client.name}, by ${'document' in identity ? identity.document.client_id : 'registration'}`,
  })),
)

for (const [i, { client, identity, title }] of runs.entries())
  test(`RC1 RC2 ${i + 1} ${title}: discovers, signs in, calls, steps up, refreshes, revokes`, async () => {
    const run = new RealClientRun(client)
    await run.discover()
    await run.identify(identity)
    // The user allows reading alone at first.
    const first = await run.authorize(['notes:read'])
    expect(scopesOf(first)).toEqual(['notes:read'])
    expect((await run.call('list_notes', first.access_token)).status).toBe(200)

    const asked = run.afterChallenge(await run.call('write_note', first.access_token), first.scope)
    const second = await run.authorize(undefined, asked)
    expect(scopesOf(second)).toContain('notes:write')
    expect((await run.call('write_note', second.access_token)).status).toBe(200)

    const grantTypes =
      'registration' in identity ? (identity.registration['grant_types'] as string[] | undefined) : undefined
    if (grantTypes !== undefined && !grantTypes.includes('refresh_token')) {
      expect(second.refresh_token).toBeUndefined()
      expect((await run.revoke(second.access_token)).status).toBe(200)
    } else {
      const answer = await run.refresh(second.refresh_token)
      expect(answer.status).toBe(200)
      const third = (await answer.json()) as typeof second
      expect(scopesOf(third)).toEqual(scopesOf(second))
      expect((await run.call('write_note', third.access_token)).status).toBe(200)
      expect((await run.revoke(third.refresh_token)).status).toBe(200)
      expect(await refusal(await run.refresh(third.refresh_token))).toBe('400 invalid_grant')
      expect((await run.call('write_note', third.access_token)).status).toBe(401)
    }
    expect((await run.call('write_note', second.access_token)).status).toBe(401)
  })

test('each client is named once, and each of its facts has a page and a date', () => {
  const names = realClients.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { sources, evidence, drivenBy } of realClients) {
    expect(sources.length).toBeGreaterThan(0)
    for (const { url, date } of sources) {
      expect(new URL(url).protocol).toBe('https:')
      expect(Number.isNaN(Date.parse(date))).toBe(false)
    }
    expect(drivenBy === undefined).toBe(evidence === 'imitated')
  }
})
