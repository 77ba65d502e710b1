// The MCP server. It knows who is calling from `auth`, and nothing else about OAuth.
import { createMcpHandler } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { operationScopes } from 'tollgate/operations'
import { needs } from './scopes.ts'
import { storage } from './storage.ts'
import { notesServer } from './tools.ts'

export const operations = operationScopes(needs, { default: 'deny' })

const { fetch } = createMcpHandler(({ authInfo }) => notesServer(storage, authInfo as AuthInfo))

/** Answers a request that the guard let through. */
export const notes = (request: Request, auth: AuthInfo): Promise<Response> =>
  fetch(request, { authInfo: auth })
