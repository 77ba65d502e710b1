// Real clients against the example, as its users start it: each host, both modes.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  connectMcpRemote,
  connectV1,
  connectV2,
  sdkSession,
  UnauthorizedV2,
} from '../support/runtime-clients.ts'
import { startHost, type Host } from '../support/runtime-hosts.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

const tools = ['list_notes', 'read_note', 'write_note']

describe.each([
  ['workerd', 'internal'],
  ['workerd', 'external'],
  ['node', 'internal'],
  ['node', 'external'],
  ['hono', 'internal'],
  ['deno', 'internal'],
  ['bun', 'internal'],
] as const)('%s, %s authorization server', (name, mode) => {
  let host: Host
  beforeAll(async () => {
    host = await startHost(name, mode)
  })
  afterAll(() => host?.close())

  test('SDK v2 discovers, registers, signs in, reads, is refused, steps up, writes', async () => {
    const session = sdkSession('SDK v2')
    const client = await connectV2(host.url, session)
    expect((await client.tools()).sort()).toEqual(tools)
    expect(session.provider.tokens()?.scope).toBe('notes:read')
    expect(await client.call('list_notes')).toBe('There are no notes yet.')
    const note = { title: 'One', text: 'Written by v2' }
    await expect(client.call('write_note', note)).rejects.toThrow(UnauthorizedV2)
    await client.stepUp()
    expect(session.provider.tokens()?.scope?.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
    expect(await client.call('write_note', note)).toBe('Wrote "One".')
    expect(await client.call('read_note', { title: 'One' })).toBe('Written by v2')
    await client.close()
  })

  test('SDK v2 in the 2026-07-28 revision; a token that has died is refreshed without the user', async () => {
    const session = sdkSession('SDK v2, 2026-07-28')
    const first = await connectV2(host.url, session, { versionNegotiation: { mode: 'auto' } })
    expect((await first.tools()).sort()).toEqual(tools)
    await first.close()
    const tokens = session.provider.tokens()!
    const { refresh_token: before } = tokens
    session.provider.saveTokens({ ...tokens, access_token: `${tokens.access_token.slice(0, -4)}dead` })
    const again = await connectV2(host.url, session)
    expect((await again.tools()).sort()).toEqual(tools)
    expect(before).toBeTypeOf('string')
    expect(session.provider.tokens()?.access_token).not.toContain('dead')
    await again.close()
  })

  test('SDK v1 connects, reads, and hears what it may not do', async () => {
    const client = await connectV1(host.url, sdkSession('SDK v1', undefined, 'v1'))
    expect((await client.tools()).sort()).toEqual(tools)
    // Another user, so not the note from above.
    expect(await client.call('list_notes')).toBe('There are no notes yet.')
    await expect(client.call('write_note', { title: 'Two', text: 'x' })).rejects.toThrow()
    await client.close()
  })

  if (name === 'workerd' || name === 'node')
    test('mcp-remote connects and reads', async () => {
      const client = await connectMcpRemote(host.url)
      expect((await client.tools()).sort()).toEqual(tools)
      expect(await client.call('list_notes')).toBe('One')
      await client.close()
    })
})
