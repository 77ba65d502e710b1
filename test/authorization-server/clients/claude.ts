import type { RealClient } from './client.ts'

/** Claude on the web, on the desktop and on phones: one connector service, which calls back to the web. */
export const claude: RealClient = {
  name: 'Claude (web, desktop, mobile)',
  note: 'Takes OAuth only; the connector runs at Anthropic, so the server must be reachable from the internet.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the client-id document and that its twin at claude.com did not exist',
      url: 'https://github.com/anthropics/claude-ai-mcp/issues/518',
      date: '2026-07-01',
    },
    {
      fact: 'an https callback, no application_type',
      url: 'https://github.com/elmohq/elmo/pull/684',
      date: '2026-09-01',
    },
    {
      fact: 'scope with repeated spaces, taken from scopes_supported',
      url: 'https://github.com/anthropics/claude-ai-mcp/issues/453',
      date: '2026-08-01',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
        client_name: 'Claude',
        client_uri: 'https://claude.ai',
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'Claude',
        client_uri: 'https://claude.ai',
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        scope: 'notes:read  notes:write',
      },
    },
  ],
  redirectUri: 'https://claude.ai/api/mcp/auth_callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
