import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { createResourceServer } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'

const resource = 'https://mcp.example.com/mcp'
const as = createAuthorizationServer({
  issuer: 'https://mcp.example.com',
  secret: 'of a benchmark, and of at least 32 bytes',
  store: memoryStore(),
  resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
  signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
})
const rs = createResourceServer({ resource, authorizationServers: [as] })
const guarded = rs.protect(() => new Response('notes'))
export default {
  fetch: async (request: Request): Promise<Response> => (await as.handle(request)) ?? guarded(request),
}
