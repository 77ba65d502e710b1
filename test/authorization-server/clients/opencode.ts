import type { RealClient } from './client.ts'

/** opencode. */
export const opencode: RealClient = {
  name: 'opencode',
  note: 'A document if the server lists "none" as a method, else a registration of a fixed loopback port.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document',
      url: 'https://github.com/anomalyco/opencode/pull/47737',
      date: '2026-09-07',
    },
    {
      fact: 'when it is used',
      url: 'https://github.com/anomalyco/opencode/pull/47743',
      date: '2026-09-07',
    },
    {
      fact: 'the loopback redirect of a registration without application_type',
      url: 'https://github.com/elmohq/elmo/pull/684',
      date: '2026-09-01',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://opencode.ai/oauth/opencode/client.json',
        client_name: 'opencode',
        client_uri: 'https://opencode.ai',
        logo_uri: 'https://opencode.ai/web-app-manifest-512x512.png',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/mcp/oauth/callback', 'http://localhost/mcp/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        token_endpoint_auth_methods_supported: ['none'],
      },
    },
    {
      registration: {
        client_name: 'OpenCode',
        client_uri: 'https://opencode.ai',
        redirect_uris: ['http://127.0.0.1:19876/mcp/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:19876/mcp/oauth/callback',
  discovery: 'challenge',
  revision: '2025-11-25',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'union',
}
