// An example as a user runs it: with its own authorization server and the development sign-in.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { expect } from 'vitest'
import { sdkSession } from '../../scripts/sdk-session.ts'

/** The official SDK's client discovers, registers, signs in, reads, is refused, steps up, writes. */
export async function useExample(url: URL): Promise<void> {
  const session = sdkSession('test')
  const connect = async (): Promise<[Client, StreamableHTTPClientTransport]> => {
    const transport = new StreamableHTTPClientTransport(url, { authProvider: session.provider })
    const client = new Client({ name: 'test', version: '1.0.0' })
    await client.connect(transport)
    return [client, transport]
  }
  await expect(connect()).rejects.toThrow(/unauthorized/i)
  const first = new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  await first.finishAuth(await session.signIn())

  const [client, transport] = await connect()
  const call = async (name: string, args = {}): Promise<string> => {
    const { content } = (await client.callTool({ name, arguments: args })) as { content: { text: string }[] }
    return content[0]!.text
  }
  expect(await call('list_notes')).toBe('There are no notes yet.')
  const note = { title: 'Milk', text: 'Two bottles' }
  await expect(call('write_note', note)).rejects.toThrow(/unauthorized/i)
  await transport.finishAuth(await session.signIn())
  expect(session.provider.tokens()!.scope!.split(' ').sort()).toEqual(['notes:read', 'notes:write'])
  expect(await call('write_note', note)).toBe('Wrote "Milk".')
  expect(await call('read_note', note)).toBe('Two bottles')
  await client.close()
}
