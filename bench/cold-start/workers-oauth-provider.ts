import { OAuthProvider } from '@cloudflare/workers-oauth-provider'

export default new OAuthProvider({
  apiRoute: '/mcp',
  apiHandler: { fetch: async () => new Response('notes') } as never,
  defaultHandler: { fetch: async () => new Response('ready') } as never,
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/token',
  scopesSupported: ['notes:read'],
  requiredScopes: ['notes:read'],
  resourceMetadata: {
    resource: 'https://mcp.example.com/mcp',
    authorization_servers: ['https://mcp.example.com'],
  },
} as never)
