import type { RealClient } from './client.ts'

/** OpenAI's Codex, the command line. */
export const codex: RealClient = {
  name: 'Codex',
  note: 'The path of its redirect ends with an id that it derives from the URL of the MCP server.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the registration, captured: application_type native, an ephemeral 127.0.0.1 port, `/callback/<id>`',
      url: 'https://github.com/elmohq/elmo/pull/684',
      date: '2026-09-01',
    },
    {
      fact: 'how the id of the callback is made',
      url: 'https://github.com/openai/codex/issues/30460',
      date: '2026-09-03',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Codex',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1:37819/callback/x2Fv9wq1Kc3a'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:41007/callback/x2Fv9wq1Kc3a',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
