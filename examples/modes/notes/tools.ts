// The tools: reading and writing the notes of the user who is calling.
import { McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'

/** Where notes lie: Workers KV as it is, or a Map behind two functions. */
export interface NoteStorage {
  get(key: string): Promise<string | null>
  put(key: string, value: string): Promise<void>
}

/** A server for one request of one user. */
export function notesServer(storage: NoteStorage, auth: AuthInfo): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const owner = ownerOf(auth)
  const all = async (): Promise<Record<string, string>> => JSON.parse((await storage.get(owner)) ?? '{}')
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  server.registerTool(
    'list_notes',
    { description: 'The titles of your notes', annotations: { readOnlyHint: true } },
    async () => text(Object.keys(await all()).join('\n') || 'There are no notes yet.'),
  )
  server.registerTool(
    'read_note',
    {
      description: 'The text of a note',
      inputSchema: z.object({ title: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ title }) => {
      const notes = await all()
      return text(Object.hasOwn(notes, title) ? notes[title]! : `There is no note "${title}".`)
    },
  )
  server.registerTool(
    'write_note',
    {
      description: 'Writes a note, over an older one of that title',
      inputSchema: z.object({ title: z.string().min(1).max(100), text: z.string().max(10_000) }),
    },
    async ({ title, text: note }) => {
      await storage.put(owner, JSON.stringify({ ...(await all()), [title]: note }))
      return text(`Wrote "${title}".`)
    },
  )
  return server
}

/** Issuer and subject together name a user. */
function ownerOf({ issuer, subject }: AuthInfo): string {
  // All users of a client would share the notes, and a client could take a user's id as its own (account linking).
  if (subject === undefined) throw new Error('The token names no user')
  return JSON.stringify([issuer, subject])
}
