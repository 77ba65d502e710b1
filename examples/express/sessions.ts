// The sessions of the official SDK's transport. Each belongs to the user and client that opened it.
import {
  StreamableHTTPServerTransport,
  type EventStore,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Request, RequestHandler, Response } from 'express'
import { authOf } from 'tollgate/express'
import { createSessions } from 'tollgate/sessions'

export interface SessionSettings {
  /** At least 32 bytes, the same on every instance. */
  secret: string
  createServer: () => McpServer
  /** Keeps the events of one session, so that a client that lost its connection gets what it missed. */
  eventsOf?: (session: string) => EventStore
}

/** Open sessions of one process. The one unused for longest is closed first; its client opens another. */
const most = 1000

/** Handles `/mcp`, behind the guard. */
export function mcpSessions({ secret, createServer, eventsOf }: SessionSettings): RequestHandler {
  const sessions = createSessions({ secret })
  const transports = new Map<string, StreamableHTTPServerTransport>()

  return async (req, res) => {
    const id = req.get('mcp-session-id')
    if (id === undefined) return open(req, res)
    // Session hijacking: the id carries a MAC over issuer, subject, client and resource. With the token of
    // another user it is unknown; with a refreshed token of the same user the session goes on.
    const transport = (await sessions.owns(id, authOf(req))) ? transports.get(id) : undefined
    if (transport === undefined) {
      const error = { code: -32001, message: 'Session not found' }
      return void res.status(404).json({ jsonrpc: '2.0', error, id: null })
    }
    transports.delete(id)
    transports.set(id, transport)
    return transport.handleRequest(req, res, req.body)
  }

  async function open(req: Request, res: Response): Promise<void> {
    const id = await sessions.create(authOf(req))
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      onsessioninitialized: () => void transports.set(id, transport),
      onsessionclosed: () => void transports.delete(id),
      ...(eventsOf ? { eventStore: eventsOf(id) } : {}),
    })
    await createServer().connect(transport)
    await transport.handleRequest(req, res, req.body)
    // A request that is not `initialize` opens no session.
    if (!transports.has(id)) await transport.close()
    for (const [oldest, unused] of transports) {
      if (transports.size <= most) break
      transports.delete(oldest)
      await unused.close()
    }
  }
}
