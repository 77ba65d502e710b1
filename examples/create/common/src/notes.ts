// The MCP server. It knows who is calling from `auth`, and nothing else about OAuth.
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { operationScopes } from 'tollgate/operations'
import { z } from 'zod'
import { storage } from './storage.ts'

/** What users can allow a client to do. */
export const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' }

/** What each tool needs. A tool that is not named here cannot be called. */
export const operations = operationScopes(
  {
    'tools/call': {
      list_notes: ['notes:read'],
      read_note: ['notes:read'],
      write_note: ['notes:write'],
    },
  },
  { default: 'deny' },
)

const { fetch } = createMcpHandler(({ authInfo }) => notesServer(ownerOf(authInfo as AuthInfo)))

/** Answers a request that the guard let through. */
export const notes = (request: Request, auth: AuthInfo): Promise<Response> =>
  fetch(request, { authInfo: auth })

/** A server for one request of one user. */
function notesServer(owner: string): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
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
    async ({ title }) => text((await all())[title] ?? `There is no note "${title}".`),
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

/** Issuer and subject together name a user; a token without a user is the client's own. */
function ownerOf({ issuer, subject, clientId }: AuthInfo): string {
  return JSON.stringify([issuer, subject ?? clientId])
}
