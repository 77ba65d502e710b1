import type { RealClient } from './client.ts'

/** Visual Studio Code, and GitHub Copilot inside it. */
export const vscode: RealClient = {
  name: 'VS Code (GitHub Copilot)',
  note: 'Uses its document if the server takes documents; listens on another port if 33418 is taken.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the redirect URIs of a registration, and the random port',
      url: 'https://github.com/microsoft/vscode/issues/278512',
      date: '2025-11-20',
    },
    {
      fact: 'the document',
      url: 'https://github.com/microsoft/vscode/issues/298300',
      date: '2026-02-27',
    },
    {
      fact: 'the document first, else a registration of type native',
      url: 'https://github.com/elmohq/elmo/pull/684',
      date: '2026-09-01',
    },
  ],
  identities: [
    {
      document: {
        client_id: 'https://vscode.dev/oauth/client-metadata.json',
        client_name: 'Visual Studio Code',
        client_uri: 'https://code.visualstudio.com',
        redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    {
      registration: {
        client_name: 'Visual Studio Code',
        client_uri: 'https://code.visualstudio.com',
        application_type: 'native',
        redirect_uris: [
          'https://insiders.vscode.dev/redirect',
          'https://vscode.dev/redirect',
          'http://127.0.0.1/',
          'http://127.0.0.1:33418/',
        ],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        scope: 'notes:read notes:write',
      },
    },
  ],
  redirectUri: 'http://127.0.0.1:59656/',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'none',
  stepUp: 'challenge',
}
