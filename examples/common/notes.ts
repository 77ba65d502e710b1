// The notes server that `tollgate create` writes, with the storage of the host. It knows who is calling from `authInfo`.
import { createMcpHandler } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'tollgate'
import { notesServer, type NoteStorage } from '../create/common/src/tools.ts'
export type { NoteStorage } from '../create/common/src/tools.ts'
export { needs, scopes } from './scopes.ts'

/** An MCP handler: `mcp(request, auth)`. `whoAmI`: for a tool that calls the identity provider. */
export function notes(
  storage: NoteStorage,
  whoAmI?: (auth: AuthInfo) => Promise<string>,
): (request: Request, auth: AuthInfo) => Promise<Response> {
  const { fetch } = createMcpHandler(({ authInfo }) => {
    const auth = authInfo as AuthInfo
    const mcp = notesServer(storage, auth)
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
