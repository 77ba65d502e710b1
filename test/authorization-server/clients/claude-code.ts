import type { RealClient } from './client.ts'

/** Claude Code, the command line. */
export const claudeCode: RealClient = {
  name: 'Claude Code',
  note: 'Its document lists loopback redirects without a port, and its requests have one (RFC 8252 §7.3).',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document and its redirect URIs without a port',
      url: 'https://github.com/anthropics/claude-code/issues/42301',
      date: '2026-04-01',
    },
    {
      fact: 'no application_type in the document',
      url: 'https://github.com/anthropics/claude-code/issues/64705',
      date: '2026-06-02',
    },
    {
      fact: 'the registration, captured: application_type native, `http://localhost:3118/callback`',
      url: 'https://github.com/elmohq/elmo/pull/684',
      date: '2026-09-01',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://claude.ai/oauth/claude-code-client-metadata',
        client_name: 'Claude Code',
        redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'Claude Code',
        application_type: 'native',
        redirect_uris: ['http://localhost:3118/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://localhost:55611/callback',
  discovery: 'challenge',
  revision: '2025-11-25',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'union',
}
