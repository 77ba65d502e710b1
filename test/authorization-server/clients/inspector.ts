import type { RealClient } from './client.ts'

/** The MCP Inspector. */
export const inspector: RealClient = {
  name: 'MCP Inspector',
  note: 'The web page calls back to port 6274, the command line to 6276.',
  evidence: 'driven',
  drivenBy: 'test/adapter/inspector.test.ts',
  sources: [
    {
      fact: 'both redirects, as its own code sends them',
      url: 'https://www.npmjs.com/package/@modelcontextprotocol/inspector/v/2.12.0',
      date: '2026-11-28',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'MCP Inspector',
        client_uri: 'https://github.com/modelcontextprotocol/inspector',
        redirect_uris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        scope: 'notes:read notes:write',
      },
    },
  ],
  redirectUri: 'http://localhost:6274/oauth/callback',
  discovery: 'well-known',
  revision: '2025-11-25',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
