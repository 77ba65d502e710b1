import { createRemoteJWKSet, jwtVerify } from 'jose'
import { withMcpAuth } from 'mcp-handler'

const keys = createRemoteJWKSet(new URL('https://as.example.com/jwks.json'))
const guarded = withMcpAuth(
  () => new Response('notes'),
  async (_request, token) => {
    if (token === undefined) return undefined
    const { payload } = await jwtVerify(token, keys)
    return { token, clientId: String(payload['client_id']), scopes: [] }
  },
  { required: true },
)
export default { fetch: (request: Request): Promise<Response> => guarded(request) }
