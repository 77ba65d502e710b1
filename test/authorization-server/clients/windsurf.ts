import type { RealClient } from './client.ts'

/** Windsurf. */
export const windsurf: RealClient = {
  name: 'Windsurf',
  note: 'A loopback redirect with a port of its own at each start.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'it registers dynamically and calls back to localhost',
      url: 'https://github.com/cursor/cursor/issues/3522',
      date: '2025-08-22',
    },
    {
      fact: 'its redirect must match what it registered',
      url: 'https://github.com/cloudflare/workers-oauth-provider/issues/29',
      date: '2025-05-05',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Windsurf',
        redirect_uris: ['http://localhost:52318/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://localhost:52318/callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
