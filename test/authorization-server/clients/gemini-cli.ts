import type { RealClient } from './client.ts'

/** Gemini CLI. */
export const geminiCli: RealClient = {
  name: 'Gemini CLI',
  note: 'Registers with an empty scope and with a member that is not registered metadata.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the body of its registration',
      url: 'https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/mcp/oauth-provider.ts',
      date: '2026-11-28',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Gemini CLI MCP Client',
        redirect_uris: ['http://localhost:7777/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        code_challenge_method: ['S256'],
        scope: '',
      },
    },
  ],
  redirectUri: 'http://localhost:7777/oauth/callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
