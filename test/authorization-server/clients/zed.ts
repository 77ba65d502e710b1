import type { RealClient } from './client.ts'

/** Zed. */
export const zed: RealClient = {
  name: 'Zed',
  note: 'Its registration asks for the authorization code alone; then it gets no refresh token.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document declares http://127.0.0.1/callback, the request has a port',
      url: 'https://github.com/zed-industries/zed/issues/56210',
      date: '2026-05-08',
    },
    {
      fact: 'the document first, then a registration',
      url: 'https://github.com/zed-industries/zed/pull/51768',
      date: '2026-03-17',
    },
    {
      fact: 'grant_types of the registration',
      url: 'https://github.com/zed-industries/zed/issues/53784',
      date: '2026-04-13',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://zed.dev/oauth/client-metadata.json',
        client_name: 'Zed',
        client_uri: 'https://zed.dev',
        redirect_uris: ['http://127.0.0.1:27523/callback', 'http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'Zed',
        redirect_uris: ['http://127.0.0.1:27523/callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:49812/callback',
  discovery: 'challenge',
  revision: '2025-11-25',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'union',
}
