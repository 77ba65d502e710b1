// A notes server on the official SDK. It knows who is calling from `authInfo` and nothing else about OAuth.
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'
export { needs, scopes } from './scopes.ts'

/** Where notes lie: Workers KV as it is, or `memory()`. */
export interface NoteStorage {
  get(key: string): Promise<string | null>
  put(key: string, value: string): Promise<void>
}

/** An MCP handler: `mcp(request, auth)`. `whoAmI`: for a tool that calls the identity provider. */
export function notes(
  storage: NoteStorage,
  whoAmI?: (auth: AuthInfo) => Promise<string>,
): (request: Request, auth: AuthInfo) => Promise<Response> {
  const { fetch } = createMcpHandler(({ authInfo }) => {
    const auth = authInfo as AuthInfo
    const mcp = server(storage, owner(auth))
    if (whoAmI !== undefined)
      mcp.registerTool(
        'who_am_i',
        { description: 'Your account at the identity provider', annotations: { readOnlyHint: true } },
        async () => ({ content: [{ type: 'text', text: await whoAmI(auth) }] }),
      )
    return mcp
  })
  return (request, auth) => fetch(request, { authInfo: auth })
}

/** Keeps notes for as long as the process lives. */
export function memory(): NoteStorage {
  const notes = new Map<string, string>()
  return {
    get: async (key) => notes.get(key) ?? null,
    put: async (key, value) => void notes.set(key, value),
  }
}

/** A server for one request of one user. */
function server(storage: NoteStorage, owner: string): McpServer {
  const mcp = new McpServer({ name: 'notes', version: '1.0.0' })
  const all = async (): Promise<Record<string, string>> => JSON.parse((await storage.get(owner)) ?? '{}')
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  mcp.registerTool(
    'list_notes',
    { description: 'The titles of your notes', annotations: { readOnlyHint: true } },
    async () => text(Object.keys(await all()).join('\n') || 'There are no notes yet.'),
  )
  mcp.registerTool(
    'read_note',
    {
      description: 'The text of a note',
      inputSchema: z.object({ title: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ title }) => text((await all())[title] ?? `There is no note "${title}".`),
  )
  mcp.registerTool(
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
  return mcp
}

/** Issuer and subject together name a user; where a token has no user, it is the client's own. */
function owner({ issuer, subject, clientId }: AuthInfo): string {
  return JSON.stringify([issuer, subject ?? clientId])
}
