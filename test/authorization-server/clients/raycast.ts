import type { RealClient } from './client.ts'

/** Raycast. */
export const raycast: RealClient = {
  name: 'Raycast',
  note: 'Speaks the revision 2025-03-26: it looks for the authorization server at the host of the MCP server.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'what it reads after the 401, captured',
      url: 'https://github.com/appwrite/mcp/pull/77',
      date: '2026-07-09',
    },
    {
      fact: 'its redirect URIs',
      url: 'https://developers.raycast.com/api-reference/oauth',
      date: '2026-11-28',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Raycast',
        client_uri: 'https://raycast.com',
        redirect_uris: ['com.raycast:/oauth'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'com.raycast:/oauth',
  discovery: 'authorization-server',
  revision: '2025-03-26',
  authorize: { scope: 'none', resource: false },
  authentication: 'none',
  stepUp: 'challenge',
}
