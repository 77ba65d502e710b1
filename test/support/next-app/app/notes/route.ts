import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuthInfo } from '../../../../../src/index.ts'
import { rs } from './notes.ts'

const { fetch } = createMcpHandler(({ authInfo }) => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
  server.registerTool('whoami', {}, () => text(String((authInfo as unknown as AuthInfo).subject)))
  server.registerTool('add', {}, () => text('added'))
  return server
})
const handler = rs.protect((request, auth) => fetch(request, { authInfo: auth }))

export { handler as GET, handler as POST, handler as DELETE, handler as OPTIONS }
