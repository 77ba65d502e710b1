// A notes server on the official SDK, v1. It knows who is calling from `authInfo` and nothing else about OAuth.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'

const notes = new Map<string, Map<string, string>>()

/** The MCP server of one session. Who is calling, the transport says with each message. */
export function notesServer(): McpServer {
  const mcp = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  mcp.registerTool('list_notes', { description: 'The titles of your notes' }, (extra) =>
    text([...of(extra).keys()].join('\n') || 'There are no notes yet.'),
  )
  mcp.registerTool(
    'read_note',
    { description: 'The text of a note', inputSchema: { title: z.string() } },
    ({ title }, extra) => text(of(extra).get(title) ?? `There is no note "${title}".`),
  )
  mcp.registerTool(
    'write_note',
    {
      description: 'Writes a note, over an older one of that title',
      inputSchema: { title: z.string().min(1).max(100), text: z.string().max(10_000) },
    },
    ({ title, text: note }, extra) => {
      of(extra).set(title, note)
      return text(`Wrote "${title}".`)
    },
  )
  return mcp
}

/** Issuer and subject together name a user. */
function of({ authInfo }: { authInfo?: object }): Map<string, string> {
  const { issuer, subject } = authInfo as AuthInfo
  const owner = JSON.stringify([issuer, subject])
  const mine = notes.get(owner) ?? new Map<string, string>()
  notes.set(owner, mine)
  return mine
}
