import type { RealClient } from './client.ts'

/** Goose, on the official Rust SDK. */
export const goose: RealClient = {
  name: 'Goose',
  note: 'A document first, else a registration.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document, and that its callback was added to it',
      url: 'https://github.com/aaif-goose/goose/pull/8550',
      date: '2026-04-15',
    },
    {
      fact: 'the callback `http://127.0.0.1:<port>/oauth_callback`',
      url: 'https://github.com/aaif-goose/goose/issues/8918',
      date: '2026-04-29',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://goose-docs.ai/oauth/client-metadata.json',
        client_name: 'Goose',
        redirect_uris: ['http://localhost/oauth_callback', 'http://127.0.0.1/oauth_callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'goose',
        redirect_uris: ['http://localhost:3334/oauth_callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://localhost:51877/oauth_callback',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
