/**
 * How issuers of well-known providers look, and which preset is for them. What their access tokens are like
 * is in its guide.
 */
export const knownIssuers: readonly (readonly [issuer: RegExp, preset: string, tokens: string])[] = [
  [/^https:\/\/[^/]+\.auth0\.com\/$/, 'auth0', 'are typed JWT, and opaque without an audience'],
  [
    /^https:\/\/[^/]+\.okta(?:-emea|preview)?\.com\b/,
    'okta',
    'name the audience api://default, not the resource',
  ],
  [
    /^https:\/\/(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|[^/]+\.ciamlogin\.com)\//,
    'entra',
    'are typed JWT and name the application as audience',
  ],
  [/^https:\/\/accounts\.google\.com$/, 'google', 'are opaque'],
  [/^https:\/\/github\.com\/login\/oauth$/, 'github', 'are opaque'],
  [/^https:\/\/discord\.com$/, 'discord', 'are opaque'],
  [/^https:\/\/[^/]*cognito-idp\.[^/]+\.amazonaws\.[^/]+\//, 'cognito', 'are typed JWT and have no audience'],
  [/\/realms\/[^/]+$/, 'keycloak', 'are typed JWT'],
  [
    /^https:\/\/[^/]+\.supabase\.co\/auth\/v1$/,
    'supabase',
    'are typed JWT and name the audience authenticated',
  ],
  [
    /^https:\/\/[^/]+\.clerk\.accounts\.dev$/,
    'clerk',
    'name the client, and the resource only if it was asked for',
  ],
  [/^https:\/\/[^/]+\.authkit\.app$/, 'workos', 'are typed JWT'],
  [/^https:\/\/api\.descope\.com\//, 'descope', 'are typed JWT'],
  [/^https:\/\/[^/]+\.scalekit\.(?:com|dev|cloud)\//, 'scalekit', 'are typed JWT'],
  [/^https:\/\/[^/]+\.stytch\.com$/, 'stytch', 'are typed JWT'],
  [/^https:\/\/gitlab\.com$/, 'gitlab', 'are opaque'],
  [/^https:\/\/[^/]+\/application\/o\/[^/]+\/$/, 'authentik', 'look like ID tokens'],
  [/^https:\/\/[^/]+\.zitadel\.cloud$/, 'zitadel', 'name no scopes, or are opaque'],
  [/^https:\/\/[^/]+\.projects\.oryapis\.com$/, 'ory', 'are opaque'],
  [/^https:\/\/auth\.pingone\.[a-z.]+\//, 'ping', 'may have no type, and are for a custom resource'],
  [/^https:\/\/[^/]+\.kinde\.com$/, 'kinde', 'are typed JWT, and for an audience, not a resource'],
]
