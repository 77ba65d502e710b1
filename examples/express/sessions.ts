// The sessions of the official SDK's transport. Each belongs to the user and client that opened it.
import {
  StreamableHTTPServerTransport,
  type EventStore,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Request, RequestHandler, Response } from 'express'
import { authOf } from 'tollgate/express'
import { createSessions } from 'tollgate/sessions'
import { ownerOf } from './notes.ts'

export interface SessionSettings {
  /** At least 32 bytes, the same on every instance. */
  secret: string
  createServer: () => McpServer
  /** Keeps the events of one session, so that a client that lost its connection gets what it missed. */
  eventsOf?: (session: string) => EventStore
}

/** Open sessions of one process. The one unused for longest is closed first; its client opens another. */
const most = 1000
/** Of these, a user's: no user can close the sessions of all others (denial of service). */
const mostOfUser = 20

interface Session {
  user: string
  transport: StreamableHTTPServerTransport
}

/** Handles `/mcp`, behind the guard. */
export function mcpSessions({ secret, createServer, eventsOf }: SessionSettings): RequestHandler {
  const sessions = createSessions({ secret })
  /** The one unused for longest comes first. */
  const opened = new Map<string, Session>()

  return async (req, res) => {
    const id = req.get('mcp-session-id')
    if (authOf(req).subject === undefined) return refuse(res, 403, 'The token names no user')
    if (id === undefined) return open(req, res)
    // Session hijacking: the id carries a MAC over issuer, subject, client and resource. With the token of
    // another user it is unknown; with a refreshed token of the same user the session goes on.
    const session = (await sessions.owns(id, authOf(req))) ? opened.get(id) : undefined
    if (session === undefined) return refuse(res, 404, 'Session not found')
    opened.delete(id)
    opened.set(id, session)
    return session.transport.handleRequest(req, res, req.body)
  }

  async function open(req: Request, res: Response): Promise<void> {
    const id = await sessions.create(authOf(req))
    const user = ownerOf(authOf(req))
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      onsessioninitialized: () => void opened.set(id, { user, transport }),
      onsessionclosed: () => void opened.delete(id),
      ...(eventsOf ? { eventStore: eventsOf(id) } : {}),
    })
    await createServer().connect(transport)
    await transport.handleRequest(req, res, req.body)
    // A request that is not `initialize` opens no session.
    if (!opened.has(id)) await transport.close()
    await keep(mostOfUser, user)
    await keep(most)
  }

  /** Closes what is open beyond `limit`, of one user or of all. */
  async function keep(limit: number, user?: string): Promise<void> {
    const open = [...opened].filter(([, session]) => user === undefined || session.user === user)
    for (const [id, { transport }] of open.slice(0, -limit)) {
      opened.delete(id)
      await transport.close()
    }
  }
}

function refuse(res: Response, status: number, message: string): void {
  res.status(status).json({ jsonrpc: '2.0', error: { code: -32001, message }, id: null })
}
