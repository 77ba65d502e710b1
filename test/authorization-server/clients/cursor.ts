import type { RealClient } from './client.ts'

/** Cursor. One registration for the desktop, the web agents and older versions. */
export const cursor: RealClient = {
  name: 'Cursor',
  note: 'Registers a private-use redirect, a web one and a loopback one at once: one refused URI must not refuse all.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the three redirect URIs of one registration',
      url: 'https://github.com/erp-mafia/accounted/pull/2225',
      date: '2026-09-03',
    },
    {
      fact: 'what a refusal of one of them does',
      url: 'https://github.com/soflyy/agent-connector-for-wp/issues/111',
      date: '2026-09-11',
    },
    {
      fact: 'application_type web in some versions, absent in 3.13',
      url: 'https://github.com/better-auth/better-auth/pull/10956',
      date: '2026-09-01',
    },
  ],
  identities: [undefined, 'web'].map((type) => ({
    registration: {
      client_name: 'Cursor',
      ...(type === undefined ? {} : { application_type: type }),
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  })),
  redirectUri: 'cursor://anysphere.cursor-mcp/oauth/callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
