import type { RealClient } from './client.ts'

/** mcp-remote, by which clients without OAuth of their own connect. */
export const mcpRemote: RealClient = {
  name: 'mcp-remote',
  note: 'Asks for offline_access with prompt=consent.',
  evidence: 'driven',
  drivenBy: 'test/adapter/real-clients.test.ts',
  sources: [
    {
      fact: 'its registration and its authorization request, as its own code sends them',
      url: 'https://www.npmjs.com/package/mcp-remote/v/0.15.1',
      date: '2026-11-28',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'MCP CLI Client',
        client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
        redirect_uris: ['http://localhost:9876/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
        software_version: '0.15.1',
      },
    },
  ],
  redirectUri: 'http://localhost:9876/oauth/callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'challenge', offlineAccess: true, prompt: 'consent', resource: true },
  authentication: 'none',
  stepUp: 'union',
}
