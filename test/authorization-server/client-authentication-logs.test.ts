// S17: events name a client only if there is such a client; what was sent as an id may be half of a secret.
import { expect, test } from 'vitest'
import { basic, confidentialSecret, refusal, Rig } from '../support/as.ts'

const secret = 'half-of-a-secret:and-the-other-half'

test.each([
  ['an unencoded URL as id', `https://c.test/client.json:${secret}`],
  ['a secret in the place of the id', `${secret}:x`],
  ['an unknown id', `unknown:${secret}`],
])('S17 %s: no part of it is in an event', async (_, pair) => {
  const rig = new Rig({ clientAddress: () => '192.0.2.1' })
  const form = { grant_type: 'refresh_token', refresh_token: 'x' }
  const statuses = new Set<string>()
  // Often enough to be shut out, which is an event as well.
  for (let i = 0; i < 65; i++)
    statuses.add(await refusal(await rig.post(form, { headers: { authorization: `Basic ${btoa(pair)}` } })))
  expect([...statuses]).toEqual(['401 invalid_client', '429 temporarily_unavailable'])
  expect(rig.events.map(({ type }) => type)).toContain('rate.limited')
  expect(JSON.stringify(rig.events)).not.toMatch(/half|client\.json|unknown/)
})

test('S17 an id that is known is named', async () => {
  const rig = new Rig({ clientAddress: () => '192.0.2.1' })
  const form = { grant_type: 'refresh_token', refresh_token: 'x' }
  for (let i = 0; i < 65; i++) await rig.post(form, { headers: basic('either', `${confidentialSecret}x`) })
  for (const type of ['client.rejected', 'rate.limited'])
    expect(rig.events).toContainEqual(expect.objectContaining({ type, clientId: 'either' }))
})
