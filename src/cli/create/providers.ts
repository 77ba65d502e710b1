/** An identity provider, as far as a new project must know it. */
export interface ProviderEntry {
  /** What users call it. */
  readonly title: string
  /** The preset's function, if its name is not the subpath's. */
  readonly preset?: string
  /** Options that name the deployment's own place there, with a value that shows their form. */
  readonly options: Readonly<Record<string, string>>
  /** Of these, the ones that are needed only to verify the provider's own tokens. */
  readonly verifying?: Readonly<Record<string, string>>
  /**
   * How its access tokens are verified: here (`jwt`; `jwt-of-client` needs the client id), by asking the
   * provider (`introspection`), or not at all.
   */
  readonly tokens: 'jwt' | 'jwt-of-client' | 'introspection' | 'no'
  /** Whether users can sign in there. */
  readonly signIn: boolean
}

const domain = (host: string): { domain: string } => ({ domain: host })
const url = (address: string): { url: string } => ({ url: address })

/** By the subpath below `tollgate/provider/`. */
export const providers: Readonly<Record<string, ProviderEntry>> = {
  github: { title: 'GitHub', options: {}, tokens: 'no', signIn: true },
  google: { title: 'Google', options: {}, tokens: 'no', signIn: true },
  entra: {
    title: 'Microsoft Entra ID',
    options: { tenantId: '00000000-0000-0000-0000-000000000000' },
    tokens: 'jwt-of-client',
    signIn: true,
  },
  okta: { title: 'Okta', options: domain('example.okta.com'), tokens: 'jwt', signIn: true },
  auth0: { title: 'Auth0', options: domain('example.eu.auth0.com'), tokens: 'jwt', signIn: true },
  cognito: {
    title: 'Amazon Cognito',
    options: { region: 'eu-central-1', userPoolId: 'eu-central-1_AbCdEfGhI' },
    tokens: 'jwt-of-client',
    signIn: true,
  },
  keycloak: {
    title: 'Keycloak',
    options: { ...url('https://id.example.com'), realm: 'main' },
    tokens: 'jwt',
    signIn: true,
  },
  oidc: {
    title: 'any OpenID Connect provider',
    options: { issuer: 'https://login.example.com' },
    tokens: 'jwt',
    signIn: true,
  },
  oauth2: {
    title: 'any OAuth 2.0 provider',
    options: {
      issuer: 'https://login.example.com',
      authorizationEndpoint: 'https://login.example.com/authorize',
      tokenEndpoint: 'https://login.example.com/token',
      userinfoEndpoint: 'https://login.example.com/me',
    },
    verifying: { introspectionEndpoint: 'https://login.example.com/introspect' },
    tokens: 'introspection',
    signIn: true,
  },
  workos: { title: 'WorkOS AuthKit', options: domain('example.authkit.app'), tokens: 'jwt', signIn: true },
  clerk: { title: 'Clerk', options: domain('example.clerk.accounts.dev'), tokens: 'jwt', signIn: true },
  supabase: { title: 'Supabase', options: url('https://example.supabase.co'), tokens: 'jwt', signIn: true },
  stytch: {
    title: 'Stytch',
    options: { projectId: 'project-live-0000', ...domain('example.customers.stytch.com') },
    tokens: 'jwt',
    signIn: true,
  },
  descope: {
    title: 'Descope',
    options: { projectId: 'P2abc' },
    tokens: 'jwt',
    signIn: true,
  },
  scalekit: {
    title: 'Scalekit',
    options: { environmentUrl: 'https://example.scalekit.com' },
    verifying: { resourceId: 'res_1' },
    tokens: 'jwt',
    signIn: true,
  },
  'better-auth': {
    title: 'Better Auth',
    preset: 'betterAuth',
    options: url('https://example.com/api/auth'),
    tokens: 'jwt',
    signIn: true,
  },
  propelauth: {
    title: 'PropelAuth',
    options: { authUrl: 'https://auth.example.com' },
    tokens: 'introspection',
    signIn: false,
  },
  authentik: {
    title: 'authentik',
    options: { ...url('https://id.example.com'), slug: 'notes' },
    tokens: 'introspection',
    signIn: true,
  },
  zitadel: {
    title: 'ZITADEL',
    options: url('https://example.zitadel.cloud'),
    verifying: { projectId: '000000000000000000' },
    tokens: 'introspection',
    signIn: true,
  },
  ory: {
    title: 'Ory',
    options: url('https://example.projects.oryapis.com'),
    tokens: 'introspection',
    signIn: true,
  },
  logto: { title: 'Logto', options: url('https://example.logto.app'), tokens: 'jwt', signIn: true },
  ping: {
    title: 'PingOne',
    options: { environmentId: '00000000-0000-0000-0000-000000000000' },
    tokens: 'jwt',
    signIn: true,
  },
  kinde: { title: 'Kinde', options: domain('example.kinde.com'), tokens: 'jwt', signIn: true },
  fusionauth: { title: 'FusionAuth', options: url('https://auth.example.com'), tokens: 'no', signIn: true },
  gitlab: { title: 'GitLab', options: {}, tokens: 'introspection', signIn: true },
  discord: { title: 'Discord', options: {}, tokens: 'no', signIn: true },
  slack: {
    title: 'Slack',
    options: { teamId: 'T0123456789' },
    tokens: 'no',
    signIn: true,
  },
}
