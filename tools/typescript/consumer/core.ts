// What users write with each entry point that runs on every host. It is compiled against the packed declarations, by every
// supported TypeScript. An error that is expected is as much a promise as one that is not.
import {
  ConfigurationError,
  createResourceServer,
  firstOf,
  InsufficientScopeError,
  InvalidTokenError,
  isOAuthError,
  jwtVerifier,
  OAuthError,
  UnavailableError,
  type AuthInfo,
  type Fetch,
  type ResourceServer,
  type ResourceServerOptions,
  type Store,
  type TokenVerifier,
  type TollgateEvent,
} from 'tollgate'
import { apiKeyVerifier, createApiKey, hashApiKey } from 'tollgate/api-keys'
import {
  createAuthorizationServer,
  memoryRateLimiter,
  ownLogin,
  type AuthorizationServerOptions,
  type EmbeddedAuthorizationServer,
} from 'tollgate/authorization-server'
import { memoryCache } from 'tollgate/cache/memory'
import { tiered } from 'tollgate/cache/tiered'
import { clientCredentials, createClient, credentialsFromEnvironment, pasteRedirect } from 'tollgate/client'
import { toOAuthClientProvider } from 'tollgate/client/sdk-provider'
import { storeStorage } from 'tollgate/client/store-storage'
import { customVerifier } from 'tollgate/custom-verifier'
import { deploymentFindings } from 'tollgate/doctor'
import { askToLink } from 'tollgate/elicitation'
import { isAccountNotLinkedError, type OAuthErrorCode } from 'tollgate/errors'
import { health } from 'tollgate/health'
import { introspectionVerifier } from 'tollgate/introspection'
import { linkedAccounts } from 'tollgate/linked-accounts'
import { guard as nextGuard, routes } from 'tollgate/next'
import { operationScopes } from 'tollgate/operations'
import { auth0 } from 'tollgate/provider/auth0'
import { entra } from 'tollgate/provider/entra'
import { github } from 'tollgate/provider/github'
import { oidc } from 'tollgate/provider/oidc'
import { createSessions } from 'tollgate/sessions'
import { sharedSecretVerifier } from 'tollgate/shared-secret'
import { dangerouslyDevSignIn } from 'tollgate/sign-in/development'
import { keySignIn } from 'tollgate/sign-in/key'
import { oneOf } from 'tollgate/sign-in/one-of'
import { hashPassword, passwordSignIn } from 'tollgate/sign-in/password'
import { denoKv } from 'tollgate/store/deno-kv'
import { memoryStore } from 'tollgate/store/memory'
import { postgres } from 'tollgate/store/postgres'
import { redis } from 'tollgate/store/redis'
import { sqlite } from 'tollgate/store/sqlite'
import { telemetry } from 'tollgate/telemetry'
import { consoleEvents } from 'tollgate/telemetry/console'
import { createTestIssuer, testClient, testClock } from 'tollgate/testing'
import type { Endpoints, SignIn } from 'tollgate/types'
import { upstream } from 'tollgate/upstream'
import { tokenExchange } from 'tollgate/upstream/exchange'
import { passThrough } from 'tollgate/upstream/pass-through'

const resource = 'https://notes.example.com/mcp'
const secret = 'thirty-two characters at the least'

/** `Same` is `true` only if both are one type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const yes = <T extends true>(): T | undefined => undefined

// The guard.
const rs = createResourceServer({
  resource,
  authorizationServers: [
    'https://login.example.com',
    auth0({ domain: 'example.eu.auth0.com' }),
    entra({ tenantId: 'tenant', clientId: 'client' }),
    jwtVerifier({ issuer: 'https://issuer.example.com', clockSkew: 5 }),
    introspectionVerifier(oidc({ issuer: 'https://opaque.example.com', clientId: 'id', clientSecret: 'x' })),
    apiKeyVerifier({ prefix: 'key_', keys: [{ hash: 'hash', subject: 'ada', scopes: ['notes:read'] }] }),
    sharedSecretVerifier({ issuer: 'https://shared.example.com', secret: new Uint8Array(32) }),
    customVerifier({
      issuer: 'https://custom.example.com',
      verify: (token) => (token === '' ? null : { clientId: 'client', scopes: [] }),
    }),
  ],
  requiredScopes: ['notes:read'],
  cache: tiered(memoryCache(), memoryCache({ size: 100 })),
  cacheSecret: secret,
  onEvent: (event: TollgateEvent) => void event.type.length,
  onError: (error, { where }) => void [error, where],
})
yes<Same<typeof rs, ResourceServer<unknown>>>()
const protectedHandler = rs.protect((request, auth) => {
  yes<Same<typeof request, Request>>()
  yes<Same<typeof auth, AuthInfo<unknown>>>()
  yes<Same<typeof auth.subject, string | undefined>>()
  return Response.json({ may: auth.hasScope('notes:write'), scopes: auth.scopes })
})
yes<Same<ReturnType<typeof protectedHandler>, Promise<Response>>>()
rs.optional((_, auth) => new Response(auth?.clientId), { scopes: ['notes:read'] })
rs.protect((_, auth, extra: number) => new Response(`${auth.clientId} ${extra}`))
// @ts-expect-error the third argument of the handler above is a number
void rs.protect((_, _auth, extra: number) => new Response(`${extra}`))(new Request(resource), 'text')
// @ts-expect-error `resource` is required
createResourceServer({ authorizationServers: [] })
// @ts-expect-error no such option
createResourceServer({ resource, authorizationServers: [], audience: resource })
// @ts-expect-error one scope is a list, too
createResourceServer({ resource, authorizationServers: [], requiredScopes: 'notes:read' })
// @ts-expect-error a store is no cache: it has versions, and takes no time to live
createResourceServer({ resource, authorizationServers: [], cache: memoryStore() })
// @ts-expect-error with exactOptionalPropertyTypes an option is left out, not undefined
const unset: ResourceServerOptions = { resource, authorizationServers: [], requiredScopes: undefined }
void firstOf
void unset

// Scopes per tool.
const operations = operationScopes({
  'tools/call': { write_note: ['notes:write'], read_note: () => ['notes:read'] },
  'resources/read': ['notes:read'],
  ping: [],
})
rs.protect(() => new Response(), { operations })
operationScopes({ 'notes/export': ['notes:read'] }, { customMethods: ['notes/export'], default: 'deny' })
// @ts-expect-error no such method
operationScopes({ 'tool/call': { write_note: ['notes:write'] } })
// @ts-expect-error a tool's name is no method
operationScopes({ write_note: ['notes:write'] })
// @ts-expect-error a method without names takes no rules by name
operationScopes({ ping: { name: ['notes:read'] } })
// @ts-expect-error a rule is a list of scopes
operationScopes({ 'tools/call': { write_note: 'notes:write' } })

// The authorization server.
const login: SignIn = ownLogin({
  identify: (request) => (request.url === '' ? null : { subject: 'ada' }),
  loginUrl: '/login',
})
const options: AuthorizationServerOptions = {
  issuer: 'https://notes.example.com',
  secret,
  store: memoryStore(),
  signIn: login,
  resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
}
const as = createAuthorizationServer({
  ...options,
  signIn: oneOf(
    login,
    passwordSignIn({ users: { ada: { hash: '$pbkdf2' } } }),
    keySignIn({ verify: () => undefined }),
    upstream(github({ clientId: 'id', clientSecret: 'secret' }), {
      admit: ({ claims }) => claims['login'] === 'ada',
    }),
  ),
  links: linkedAccounts({
    github: upstream(github({ clientId: 'id', clientSecret: 'secret' }), { admit: () => true }),
  }),
  rateLimit: memoryRateLimiter({ limit: 10 }),
  lifetimes: { code: 60 },
  onTokens: ({ grantType }) => (grantType === 'refresh_token' ? { deny: 'disabled' } : null),
})
yes<Same<typeof as, EmbeddedAuthorizationServer>>()
createResourceServer({ resource, authorizationServers: [as] })
const parts: readonly Endpoints[] = [as, rs]
void parts
void dangerouslyDevSignIn
void hashPassword('correct horse battery')
// @ts-expect-error a cache is no store: it may be stale, and decides no race
createAuthorizationServer({ ...options, store: memoryCache() })
// @ts-expect-error no such option
createAuthorizationServer({ ...options, clientRegistration: true })
// @ts-expect-error a scope has a text for the consent page
createAuthorizationServer({ ...options, resources: { [resource]: { scopes: ['notes:read'] } } })
// @ts-expect-error `store` is required
createAuthorizationServer({ issuer: 'https://notes.example.com', signIn: login, resources: {} })
// @ts-expect-error who may enter is never left open
upstream(github({ clientId: 'id', clientSecret: 'secret' }), {})
// @ts-expect-error a sign-in, not a provider
createAuthorizationServer({ ...options, signIn: github({ clientId: 'id', clientSecret: 'secret' }) })

// Stores, by the clients of the field.
const stores: Store[] = [
  sqlite({ exec: () => undefined, prepare: () => ({ get: () => undefined, run: () => ({ changes: 1 }) }) }),
  redis({ eval: async () => null }),
  postgres({ query: async () => ({ rows: [] }) }),
]
void stores
// @ts-expect-error not a client of PostgreSQL
postgres({ connectionString: 'postgres://' })
// @ts-expect-error a connection, not its URL
redis('redis://127.0.0.1')
const kv: Parameters<typeof denoKv>[0] | undefined = undefined
void kv

// The client.
const client = createClient({
  clientName: 'An agent',
  storage: storeStorage(memoryStore(), { secret }),
  redirect: pasteRedirect({ uri: 'https://agent.example.com/callback', ask: async () => '' }),
})
const fetched: Fetch = client.fetch
void fetched
void toOAuthClientProvider(client, resource).redirectUrl
createClient({ grant: clientCredentials(), clients: [{ issuer: 'https://a.example', clientId: 'id' }] })
yes<Same<ReturnType<typeof credentialsFromEnvironment>['scopes'], readonly string[]>>()
// @ts-expect-error no such option
createClient({ redirectUri: 'https://agent.example.com/callback' })
// @ts-expect-error a store is sealed first: `storeStorage(store, { secret })`
createClient({ storage: memoryStore() })

// Around them.
void health(rs, as).then(({ ok, checks }) => [ok, ...checks.map(({ detail }) => detail)])
void deploymentFindings(rs, as, { operations: { tools: ['write_note'] } as never })
const onEvent: ((event: TollgateEvent) => void)[] = [telemetry(), consoleEvents()]
void onEvent
const sessions = createSessions({ secret })
rs.protect(sessions.bind((_, auth) => new Response(auth.subject)))
const link = async (auth: AuthInfo): Promise<unknown> => {
  try {
    return (await auth.upstream('github')).accessToken
  } catch (error) {
    if (isAccountNotLinkedError(error)) return askToLink(auth, error.provider, {})
    if (isOAuthError(error)) yes<Same<typeof error, OAuthError>>()
    throw error
  }
}
void link
createResourceServer({
  resource,
  authorizationServers: [
    passThrough(oidc({ issuer: 'https://p.example' }), { resource, redirectUris: [], scopes: [] }),
  ],
  exchange: tokenExchange(entra({ tenantId: 'tenant', clientId: 'client', clientSecret: 'secret' })),
})
void [
  ConfigurationError,
  InsufficientScopeError,
  InvalidTokenError,
  UnavailableError,
  createApiKey,
  hashApiKey,
]
const code: OAuthErrorCode = 'invalid_grant'
// @ts-expect-error no such error
const wrong: OAuthErrorCode = 'not_an_error'
void [code, wrong]
export type Verifier = TokenVerifier

// Tests of users.
const clock = testClock()
clock.advance(60)
const issuer = createTestIssuer({ resource, scopes: ['notes:read'], clock })
void issuer.tokenFor({ subject: 'ada', scopes: ['notes:read'] })
void testClient(as).signIn(resource)

// Hosts on Web standards.
export const { GET, POST } = routes(() => [as, rs])
export const guarded = nextGuard(rs, (_, auth) => new Response(auth.subject))
