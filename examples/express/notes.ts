// The MCP server, on the official SDK v1. Of OAuth it knows only `authInfo`, which says who is calling.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'

/** Where the notes of each owner lie. */
export interface Notes {
  titles(owner: string): Promise<string[]>
  read(owner: string, title: string): Promise<string | undefined>
  write(owner: string, title: string, text: string): Promise<void>
}

/** What each tool needs. */
export const needs = {
  'tools/call': { list_notes: ['notes:read'], read_note: ['notes:read'], write_note: ['notes:write'] },
}

/** The MCP server of one session. Each message says who sends it. */
export function notesServer(notes: Notes): McpServer {
  const mcp = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  mcp.registerTool('list_notes', { description: 'The titles of your notes' }, async (extra) =>
    text((await notes.titles(owner(extra))).join('\n') || 'There are no notes yet.'),
  )
  mcp.registerTool(
    'read_note',
    { description: 'The text of a note', inputSchema: { title: z.string() } },
    async ({ title }, extra) =>
      text((await notes.read(owner(extra), title)) ?? `There is no note "${title}".`),
  )
  mcp.registerTool(
    'write_note',
    {
      description: 'Writes a note, over an older one of that title',
      inputSchema: { title: z.string().min(1).max(100), text: z.string().max(10_000) },
    },
    async ({ title, text: note }, extra) => {
      await notes.write(owner(extra), title, note)
      return text(`Wrote "${title}".`)
    },
  )
  return mcp
}

/** The owner of the notes, for a tool. */
const owner = ({ authInfo }: { authInfo?: object }): string => ownerOf(authInfo as AuthInfo)

/** Issuer and subject together name a user. */
export function ownerOf({ issuer, subject }: Pick<AuthInfo, 'issuer' | 'subject'>): string {
  // All users of a client would share the notes, and a client could take a user's id as its own (account linking).
  if (subject === undefined) throw new Error('The token names no user')
  return JSON.stringify([issuer, subject])
}
