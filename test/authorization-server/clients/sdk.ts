import type { RealClient } from './client.ts'

const sources = [
  {
    fact: 'its requests, as its own code sends them',
    url: 'https://github.com/modelcontextprotocol/typescript-sdk',
    date: '2026-11-28',
  },
]

/** Programs on the official TypeScript SDK, version 1. */
export const sdkV1: RealClient = {
  name: 'TypeScript SDK v1',
  note: 'After a 403 it overwrites its scopes with those of the challenge, and refreshes before it asks the user.',
  evidence: 'driven',
  drivenBy: 'test/adapter/real-clients.test.ts',
  sources,
  identities: [
    {
      registration: {
        client_name: 'SDK v1',
        redirect_uris: ['http://127.0.0.1:3333/callback'],
        scope: 'notes:read notes:write',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:3333/callback',
  discovery: 'challenge',
  revision: '2025-11-25',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}

/** Version 2. */
export const sdkV2: RealClient = {
  name: 'TypeScript SDK v2',
  note: 'Asks for the union of scopes; compares the issuer of metadata and of the response exactly.',
  evidence: 'driven',
  drivenBy: 'test/adapter/real-clients.test.ts',
  sources,
  identities: [
    {
      registration: {
        client_name: 'SDK v2',
        redirect_uris: ['http://127.0.0.1:3333/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        application_type: 'native',
        scope: 'notes:read notes:write',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:3333/callback',
  discovery: 'challenge',
  revision: '2025-11-25',
  authorize: { scope: 'challenge', resource: true },
  authentication: 'none',
  stepUp: 'union',
}

/** A program on either version that registered as a confidential client: Basic credentials as they are, not form-encoded. */
export const sdkConfidential: RealClient = {
  ...sdkV2,
  name: 'TypeScript SDK, confidential',
  note: 'Basic credentials without form encoding, and no client_id in the body.',
  evidence: 'imitated',
  drivenBy: undefined,
  identities: [
    {
      registration: {
        client_name: 'SDK, confidential',
        redirect_uris: ['https://app.example.com/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    },
  ],
  redirectUri: 'https://app.example.com/callback',
  authentication: 'raw basic',
}
