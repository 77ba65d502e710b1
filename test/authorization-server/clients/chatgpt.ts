import type { RealClient } from './client.ts'

const document = {
  client_uri: 'https://chatgpt.com/',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  client_name: 'ChatGPT',
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'RS256',
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
}

/** ChatGPT's connectors. */
export const chatgpt: RealClient = {
  name: 'ChatGPT',
  note: 'Prefers a signed assertion at the token endpoint; refuses a registration without refresh_token in grant_types.',
  evidence: 'imitated',
  sources: [
    {
      fact: 'the document without a list of methods',
      url: 'https://github.com/Altinity/altinity-mcp/issues/118',
      date: '2026-05-15',
    },
    {
      fact: 'the document with ["none", "private_key_jwt"]',
      url: 'https://github.com/gamedevpl/www.gamedev.pl/pull/641',
      date: '2026-08-06',
    },
    {
      fact: 'private_key_jwt is preferred where the server lists it',
      url: 'https://github.com/operately/operately/issues/5164',
      date: '2026-08-26',
    },
  ],
  identities: [
    {
      document: {
        ...document,
        client_id: 'https://chatgpt.com/oauth/kDmjx77UnKOM/client.json',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        redirect_uris: [
          'https://chatgpt.com/connector_platform_oauth_redirect',
          'https://chatgpt.com/connector/oauth/kDmjx77UnKOM',
        ],
      },
    },
    {
      document: {
        ...document,
        client_id: 'https://chatgpt.com/oauth/plain/client.json',
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      },
    },
  ],
  redirectUri: 'https://chatgpt.com/connector_platform_oauth_redirect',
  discovery: 'challenge',
  revision: '2025-06-18',
  authorize: { scope: 'metadata', resource: true },
  authentication: 'private_key_jwt',
  stepUp: 'challenge',
}

/** ChatGPT at a server that does not offer `private_key_jwt`, and by registration. */
export const chatgptPublic: RealClient = {
  ...chatgpt,
  name: 'ChatGPT (public)',
  note: 'The same without an assertion: its document lists "none", too.',
  identities: [
    chatgpt.identities[0]!,
    {
      registration: {
        client_name: 'ChatGPT',
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
  ],
  authentication: 'none',
}
