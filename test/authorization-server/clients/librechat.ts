import type { RealClient } from './client.ts'

/** LibreChat: a web application that is the client of all its users. */
export const librechat: RealClient = {
  name: 'LibreChat',
  note: 'A confidential web client; it takes the method that the registration answers with.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'discovery, registration and PKCE are its own',
      url: 'https://github.com/danny-avila/LibreChat/issues/13401',
      date: '2026-05-20',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'LibreChat MCP Client',
        redirect_uris: ['https://chat.example.com/api/mcp/notes/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        logo_uri: undefined,
        tos_uri: undefined,
      },
    },
  ],
  redirectUri: 'https://chat.example.com/api/mcp/notes/oauth/callback',
  discovery: 'well-known',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'client_secret_post',
  stepUp: 'challenge',
}
