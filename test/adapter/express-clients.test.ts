import { once } from 'node:events'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { endpoints, guard } from '../../src/adapter/express.ts'
import { createResourceServer, type AuthInfo } from '../../src/index.ts'
import { clientSuite } from '../support/provider-clients.ts'
import { serverOf } from '../support/provider-wiring.ts'

clientSuite('Express with SDK v1', async (wiring) => {
  const rs = createResourceServer({
    resource: `${wiring.url}/mcp`,
    authorizationServers: [serverOf(wiring)],
    scopesSupported: ['notes:read', 'notes:write'],
  })
  const app = express()
  app.use(endpoints(rs))
  app.all('/mcp', guard(rs), async (req, res) => {
    const transport = new StreamableHTTPServerTransport({} as never)
    await notes().connect(transport as never)
    await transport.handleRequest(req, res, req.body)
  })
  const server = createServer(app).listen(Number(new URL(wiring.url).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
})

function notes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
  server.registerTool('whoami', {}, (extra) => text(String((extra.authInfo as unknown as AuthInfo).subject)))
  server.registerTool('add', {}, () => text('added'))
  return server
}
