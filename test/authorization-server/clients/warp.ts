import type { RealClient } from './client.ts'

/** Warp. */
export const warp: RealClient = {
  name: 'Warp',
  note: 'A warp:// redirect, compared whole: versions that append ?server_id= to it are refused. Sends no resource.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the redirect, and the query that older versions appended',
      url: 'https://github.com/warpdotdev/warp/issues/9088',
      date: '2026-04-16',
    },
    {
      fact: 'no resource parameter',
      url: 'https://github.com/warpdotdev/docs/pull/422',
      date: '2026-07-29',
    },
  ],
  identities: [
    {
      registration: {
        client_name: 'Warp',
        redirect_uris: ['warp://mcp/oauth2callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'warp://mcp/oauth2callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: false },
  authentication: 'none',
  stepUp: 'challenge',
}
