import { createResourceServer } from '../../src/index.ts'

const rs = createResourceServer({
  resource: 'https://mcp.example.com/mcp',
  authorizationServers: ['https://as.example.com'],
  requiredScopes: ['notes:read'],
})
const guarded = rs.protect(() => new Response('notes'))
export default { fetch: (request: Request): Promise<Response> => guarded(request) }
