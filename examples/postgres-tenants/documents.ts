// The MCP server of one tenant. Its users share the tenant's documents.
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { z } from 'zod'
import type { Database } from './database.ts'

export const scopes = {
  'documents:read': 'Read the documents of your organisation',
  'documents:write': 'Change them',
}

/** What each tool needs. */
export const needs = {
  'tools/call': {
    list_documents: ['documents:read'],
    read_document: ['documents:read'],
    write_document: ['documents:write'],
  },
}

export function documents(
  database: Database,
  tenant: string,
): (request: Request, auth: AuthInfo) => Promise<Response> {
  const { fetch } = createMcpHandler(({ authInfo }) =>
    documentServer(tenantDocuments(database, tenant), (authInfo as AuthInfo).subject ?? 'unknown'),
  )
  return (request, auth) => fetch(request, { authInfo: auth })
}

interface Documents {
  titles(): Promise<string[]>
  read(title: string): Promise<{ text: string; changed_by: string } | undefined>
  write(title: string, text: string, user: string): Promise<void>
}

/** Each statement names the tenant: the one whose guard let the request in, never one of the arguments. */
function tenantDocuments(database: Database, tenant: string): Documents {
  const query = async <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    (await database.query(sql, [tenant, ...parameters])).rows as T[]
  return {
    async titles() {
      const sql = 'SELECT title FROM documents WHERE tenant = $1 ORDER BY title LIMIT 1000'
      return (await query<{ title: string }>(sql)).map(({ title }) => title)
    },
    async read(title) {
      const sql = 'SELECT text, changed_by FROM documents WHERE tenant = $1 AND title = $2'
      return (await query<{ text: string; changed_by: string }>(sql, [title]))[0]
    },
    async write(title, text, user) {
      await query(
        `INSERT INTO documents (tenant, title, text, changed_by) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, title) DO UPDATE SET text = $3, changed_by = $4`,
        [title, text, user],
      )
    },
  }
}

/** A server for one request of one user. */
function documentServer(documents: Documents, user: string): McpServer {
  const mcp = new McpServer({ name: 'documents', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })

  mcp.registerTool(
    'list_documents',
    { description: 'The titles of the documents', annotations: { readOnlyHint: true } },
    async () => text((await documents.titles()).join('\n') || 'There are no documents yet.'),
  )
  mcp.registerTool(
    'read_document',
    {
      description: 'The text of a document, and who changed it last',
      inputSchema: z.object({ title: z.string() }),
      annotations: { readOnlyHint: true },
    },
    async ({ title }) => {
      const found = await documents.read(title)
      return text(found ? `${found.text}\n\n(${found.changed_by})` : `There is no document "${title}".`)
    },
  )
  mcp.registerTool(
    'write_document',
    {
      description: 'Writes a document, over an older one of that title',
      inputSchema: z.object({ title: z.string().min(1).max(100), text: z.string().max(10_000) }),
    },
    async ({ title, text: written }) => {
      await documents.write(title, written, user)
      return text(`Wrote "${title}".`)
    },
  )
  return mcp
}
