import type { RealClient } from './client.ts'

/** GitHub Copilot, the command line. */
export const copilotCli: RealClient = {
  name: 'GitHub Copilot CLI',
  note: 'Its document names port 33418, and its requests have a port of their own.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document and the port that differs',
      url: 'https://github.com/github/copilot-cli/issues/4793',
      date: '2026-09-09',
    },
    {
      fact: 'the registration, captured: no scope, http://127.0.0.1:56679/',
      url: 'https://github.com/dozigden/boardoil/issues/11',
      date: '2026-08-17',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://github.com/copilot/cli/client-metadata.json',
        client_name: 'GitHub Copilot CLI',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1:33418/'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'GitHub Copilot CLI',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1:56679/'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:60005/',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
