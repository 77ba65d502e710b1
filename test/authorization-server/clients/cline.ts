import type { RealClient } from './client.ts'

/** Cline, an extension of VS Code; it stands on the official SDK. */
export const cline: RealClient = {
  name: 'Cline',
  note: 'A vscode:// redirect, whose last segment it derives from the URL of the MCP server.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the redirect `vscode://saoudrizwan.claude-dev/mcp-auth/callback/<hash>`',
      url: 'https://github.com/cline/cline/issues/4523',
      date: '2025-06-27',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Cline',
        client_uri: 'https://cline.bot',
        redirect_uris: ['vscode://saoudrizwan.claude-dev/mcp-auth/callback/5f1d7a84c0'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'vscode://saoudrizwan.claude-dev/mcp-auth/callback/5f1d7a84c0',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
