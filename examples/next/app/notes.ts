// The application's data, and the MCP server that lets clients of its users use it.
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'
import { shared } from './shared.ts'

export const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' }

/** What each tool needs. */
export const needs = {
  'tools/call': { list_notes: ['notes:read'], read_note: ['notes:read'], write_note: ['notes:write'] },
}

const owners = shared('owners', () => new Map<string, Map<string, string>>())

/** By title. The page and the tools have the same: `subject` of a token is the user's id. */
export function notesOf(userId: string): Map<string, string> {
  const notes = owners().get(userId) ?? new Map<string, string>()
  owners().set(userId, notes)
  return notes
}

/** The MCP handler: a server for each request of one user. */
export function mcp(request: Request, auth: AuthInfo): Promise<Response> {
  return handler().fetch(request, { authInfo: auth })
}

const handler = shared('mcp', () =>
  createMcpHandler(({ authInfo }) => {
    const { subject } = authInfo as AuthInfo
    // This issuer gives each token a user; a token without one would share notes with others.
    if (subject === undefined) throw new Error('The token names no user')
    return notesServer(notesOf(subject))
  }),
)

function notesServer(notes: Map<string, string>): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  server.registerTool(
    'list_notes',
    { description: 'The titles of your notes', annotations: { readOnlyHint: true } },
    async () => text([...notes.keys()].join('\n') || 'There are no notes yet.'),
  )
  server.registerTool(
    'read_note',
    {
      description: 'The text of a note',
      inputSchema: z.object({ title: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ title }) => text(notes.get(title) ?? `There is no note "${title}".`),
  )
  server.registerTool(
    'write_note',
    {
      description: 'Writes a note, over an older one of that title',
      inputSchema: z.object({ title: z.string().min(1).max(100), text: z.string().max(10_000) }),
    },
    async ({ title, text: note }) => {
      notes.set(title, note)
      return text(`Wrote "${title}".`)
    },
  )
  return server
}
