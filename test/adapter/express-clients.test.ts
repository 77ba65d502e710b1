import { once } from 'node:events'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { endpoints, guard } from '../../src/adapter/express.ts'
import { createResourceServer, type AuthInfo } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations.ts'
import { clientSuite, stepUpTest } from '../support/provider-clients.ts'
import { serverOf, type Wiring } from '../support/provider-wiring.ts'

/** `narrow`: a token gets in with notes:read, and `add` needs more. */
async function start(wiring: Wiring, narrow: boolean): Promise<{ close(): void }> {
  const rs = createResourceServer({
    resource: `${wiring.url}/mcp`,
    authorizationServers: [serverOf(wiring)],
    scopesSupported: ['notes:read', 'notes:write'],
    ...(narrow ? { requiredScopes: ['notes:read'] } : {}),
  })
  const operations = operationScopes({ 'tools/call': { whoami: ['notes:read'], add: ['notes:write'] } })
  const app = express()
  app.use(endpoints(rs))
  app.all('/mcp', guard(rs, { operations }), async (req, res) => {
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
}

clientSuite('Express with SDK v1', (wiring) => start(wiring, false))
stepUpTest('Express with SDK v1', (wiring) => start(wiring, true))

function notes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
  server.registerTool('whoami', {}, (extra) => text(String((extra.authInfo as unknown as AuthInfo).subject)))
  server.registerTool('add', {}, () => text('added'))
  return server
}
