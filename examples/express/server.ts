// The notes server on Express, with the official SDK v1 and its sessions: `npm start`
import { randomBytes } from 'node:crypto'
import express from 'express'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { authOf, clientAddress, endpoints, guard } from 'tollgate/express'
import { operationScopes } from 'tollgate/operations'
import { createSessions } from 'tollgate/sessions'
import { memoryStore } from 'tollgate/store/memory'
import { auth } from '../common/auth.ts'
import { needs } from '../common/scopes.ts'
import { notesServer } from './notes.ts'

const { PORT = '3000', PUBLIC_URL = `http://127.0.0.1:${PORT}`, TOLLGATE_SECRET } = process.env

const { as, rs } = auth({ ...process.env, PUBLIC_URL }, { store: memoryStore(), clientAddress })

// A session id is bound to issuer, subject and client: another principal gets 404, a refreshed token goes on.
const sessions = createSessions({ secret: TOLLGATE_SECRET ?? randomBytes(32).toString('hex') })
const transports = new Map<string, StreamableHTTPServerTransport>()

const app = express()
app.use(endpoints(...(as ? [as, rs] : [rs])))
app.all('/mcp', guard(rs, { operations: operationScopes(needs, { default: 'deny' }) }), async (req, res) => {
  const id = req.get('mcp-session-id')
  if (id === undefined) return open(req, res)
  const known = (await sessions.owns(id, authOf(req))) ? transports.get(id) : undefined
  if (known) return known.handleRequest(req, res, req.body)
  const error = { code: -32001, message: 'Session not found' }
  res.status(404).json({ jsonrpc: '2.0', error, id: null })
})
app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Notes at ${PUBLIC_URL}/mcp`)
})

async function open(req: express.Request, res: express.Response): Promise<void> {
  const id = await sessions.create(authOf(req))
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => id,
    onsessioninitialized: () => void transports.set(id, transport),
    onsessionclosed: () => void transports.delete(id),
  })
  await notesServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
  // Whatever was no `initialize` has opened nothing.
  if (!transports.has(id)) await transport.close()
}
