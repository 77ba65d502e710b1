// Eight identity providers at HTTP level, answering as their documentation shows. Written from the documentation, not from
// the presets: a mistake in a preset's data shows here. All that sign JWTs share one key, so that only a preset's data tells them apart.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { SignJWT } from 'jose/jwt/sign'
import type { Provider } from '../../src/types.ts'
import { auth0 } from '../../src/provider/auth0.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { entra } from '../../src/provider/entra.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { github } from '../../src/provider/github.ts'
import { google } from '../../src/provider/google.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { okta } from '../../src/provider/okta.ts'

export const resource = 'https://mcp.test/mcp'
export const now = 1_790_000_000

/** What a provider does instead of its work. */
export type Mood = 'well' | 'rate limited' | 'down'

export interface Imitation {
  readonly name: string
  /** What a user writes. */
  readonly preset: Provider
  /** Whether the good token is judged by asking the provider. */
  readonly opaque: boolean
  readonly good: string
  readonly expected: { issuer: string; subject: string; clientId: string; scopes: string[] }
  /** By what is wrong with it. */
  readonly bad: Record<string, string>
  mood: Mood
  readonly origins: readonly string[]
  answer(request: Request): Promise<Response>
}

const kid = 'shared'
const keys = generateKeyPair('RS256', { extractable: true })
const strangers = generateKeyPair('RS256')

async function keySet(): Promise<Response> {
  const { publicKey } = await keys
  return Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] })
}

interface Signing {
  typ?: string
  forged?: boolean
}

async function jwt(claims: Record<string, unknown>, { typ, forged = false }: Signing = {}): Promise<string> {
  const { privateKey } = await (forged ? strangers : keys)
  return new SignJWT({ iat: now - 10, exp: now + 3600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid, ...(typ === undefined ? {} : { typ }) })
    .sign(privateKey)
}

const basic = (id: string, secret: string): string => `Basic ${btoa(`${id}:${secret}`)}`
const notFound = (): Response => new Response('not found', { status: 404 })

/** Auth0: https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles */
async function auth0Imitation(): Promise<Imitation> {
  const iss = 'https://tenant.eu.auth0.com/'
  const azp = 'A0clientA0clientA0clientA0client'
  const claims = {
    iss,
    sub: 'auth0|65f0a1b2c3d4e5f6a7b8c9d0',
    aud: [resource, `${iss}userinfo`],
    azp,
    scope: 'openid notes:read',
    permissions: ['notes:read', 'notes:write'],
  }
  const id = { iss, sub: claims.sub, aud: azp, nonce: 'n-0S6_WzA2Mj', sid: 'session' }
  return imitation({
    name: 'auth0',
    preset: auth0({ domain: 'tenant.eu.auth0.com' }),
    good: await jwt(claims, { typ: 'JWT' }),
    expected: { issuer: iss, subject: claims.sub, clientId: azp, scopes: ['openid', 'notes:read'] },
    bad: {
      'audience of the user info endpoint alone': await jwt(
        { ...claims, aud: `${iss}userinfo` },
        { typ: 'JWT' },
      ),
      'issuer without its slash': await jwt({ ...claims, iss: iss.slice(0, -1) }, { typ: 'JWT' }),
      'ID token': await jwt(id, { typ: 'JWT' }),
      'ID token that also names the resource': await jwt({ ...id, aud: [azp, resource] }, { typ: 'JWT' }),
      'the encrypted token that comes without an audience':
        'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiaXNzIjoiaHR0cHM6Ly90ZW5hbnQuZXUuYXV0aDAuY29tLyJ9..cGFydA.cGFydA.cGFydA',
      'signed by somebody else': await jwt(claims, { typ: 'JWT', forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }, { typ: 'JWT' }),
    },
    origins: ['https://tenant.eu.auth0.com'],
    limited: () =>
      Response.json(
        {
          statusCode: 429,
          error: 'Too Many Requests',
          message: 'Global limit has been reached',
          errorCode: 'too_many_requests',
        },
        { status: 429, headers: { 'x-ratelimit-remaining': '0' } },
      ),
    routes: { 'GET /.well-known/jwks.json': keySet },
  })
}

/** Okta: https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/ */
async function oktaImitation(): Promise<Imitation> {
  const org = 'https://dev-123.okta.com'
  const iss = `${org}/oauth2/default`
  const claims = {
    ver: 1,
    jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
    iss,
    aud: 'api://default',
    sub: 'alice@example.com',
    cid: '0oab8eb55Kb9jdMIr5d6',
    uid: '00uid4BxXw6I6TV4m0g3',
    scp: ['notes:read', 'offline_access'],
  }
  const typ = 'application/okta-internal-at+jwt'
  const good = await jwt(claims, { typ })
  const error = (status: number, errorCode: string, errorSummary: string): Response =>
    Response.json(
      { errorCode, errorSummary, errorLink: errorCode, errorId: 'oaeX', errorCauses: [] },
      { status },
    )
  return imitation({
    name: 'okta',
    preset: okta({ domain: 'dev-123.okta.com', clientId: 'rs', clientSecret: 's3cret' }),
    good,
    expected: {
      issuer: iss,
      subject: 'alice@example.com',
      clientId: claims.cid,
      scopes: ['notes:read', 'offline_access'],
    },
    bad: {
      'audience of another authorization server': await jwt({ ...claims, aud: 'api://other' }, { typ }),
      'token of the organisation’s own server': await jwt({ ...claims, iss: org, aud: org }, { typ }),
      'ID token': await jwt(
        {
          ver: 1,
          iss,
          aud: claims.cid,
          sub: claims.uid,
          idp: '00o1',
          amr: ['pwd'],
          nonce: 'n',
          at_hash: 'h',
        },
        {},
      ),
      'signed by somebody else': await jwt(claims, { typ, forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }, { typ }),
    },
    origins: [org],
    limited: () => error(429, 'E0000047', 'API call exceeded rate limit due to too many requests.'),
    routes: {
      'GET /oauth2/default/v1/keys': keySet,
      'POST /oauth2/default/v1/introspect': async (request) => {
        if (request.headers.get('authorization') !== basic('rs', 's3cret'))
          return error(
            401,
            'invalid_client',
            'The client secret supplied for a confidential client is invalid.',
          )
        const form = new URLSearchParams(await request.text())
        if (form.get('token') !== good) return Response.json({ active: false })
        return Response.json({
          active: true,
          token_type: 'Bearer',
          scope: 'notes:read offline_access',
          client_id: claims.cid,
          username: claims.sub,
          exp: now + 3600,
          iat: now - 10,
          sub: claims.sub,
          aud: 'api://default',
          iss,
          jti: claims.jti,
          uid: claims.uid,
        })
      },
    },
  })
}

/** Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html */
async function cognitoImitation(): Promise<Imitation> {
  const origin = 'https://cognito-idp.eu-central-1.amazonaws.com'
  const iss = `${origin}/eu-central-1_AbCdEfGhI`
  const client = '1example23456789'
  const claims = {
    sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    'cognito:groups': ['admins'],
    iss,
    version: 2,
    client_id: client,
    event_id: 'e1',
    token_use: 'access',
    scope: 'notes/read',
    auth_time: now - 10,
    jti: 'j1',
    username: 'alice',
  }
  const id = { ...claims, aud: client, token_use: 'id' }
  return imitation({
    name: 'cognito',
    preset: cognito({ region: 'eu-central-1', userPoolId: 'eu-central-1_AbCdEfGhI', clientId: client }),
    good: await jwt(claims),
    expected: { issuer: iss, subject: claims.sub, clientId: client, scopes: ['notes/read'] },
    bad: {
      'another app client': await jwt({ ...claims, client_id: 'other' }),
      'another user pool': await jwt({ ...claims, iss: `${origin}/eu-central-1_Other` }),
      'ID token': await jwt(id),
      'no token_use': await jwt({ ...claims, token_use: undefined }),
      'signed by somebody else': await jwt(claims, { forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }),
    },
    origins: [origin],
    limited: () =>
      Response.json(
        { __type: 'TooManyRequestsException', message: 'Rate exceeded' },
        { status: 429, headers: { 'x-amzn-errortype': 'TooManyRequestsException:' } },
      ),
    routes: { 'GET /eu-central-1_AbCdEfGhI/.well-known/jwks.json': keySet },
  })
}

/** Entra ID: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
async function entraImitation(): Promise<Imitation> {
  const tid = '11111111-2222-3333-4444-555555555555'
  const app = 'aaaaaaaa-1111-2222-3333-444444444444'
  const azp = 'bbbbbbbb-1111-2222-3333-444444444444'
  const iss = `https://login.microsoftonline.com/${tid}/v2.0`
  const claims = {
    aud: app,
    iss,
    nbf: now - 10,
    aio: 'opaque',
    azp,
    azpacr: '0',
    name: 'Alice',
    oid: 'cccccccc-1111-2222-3333-444444444444',
    roles: ['Notes.Admin'],
    scp: 'Notes.Read Notes.Write',
    sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
    tid,
    ver: '2.0',
  }
  const typ = 'JWT'
  const v1 = `https://sts.windows.net/${tid}/`
  return imitation({
    name: 'entra',
    preset: entra({ tenantId: tid, clientId: app }),
    good: await jwt(claims, { typ }),
    expected: { issuer: iss, subject: claims.sub, clientId: azp, scopes: ['Notes.Read', 'Notes.Write'] },
    bad: {
      'token for Microsoft Graph': await jwt(
        { ...claims, aud: '00000003-0000-0000-c000-000000000000' },
        { typ },
      ),
      'version 1 token': await jwt(
        { ...claims, iss: v1, aud: `api://${app}`, appid: azp, ver: '1.0' },
        { typ },
      ),
      'another tenant': await jwt(
        { ...claims, iss: iss.replace('1111', '9999'), tid: tid.replace('1111', '9999') },
        { typ },
      ),
      'issuer and tenant that disagree': await jwt({ ...claims, tid: tid.replace('1111', '9999') }, { typ }),
      'ID token of the same registration, from a flow without a nonce': await jwt(
        { aud: app, iss, nbf: now - 10, name: 'Alice', oid: claims.oid, sub: 's', tid, ver: '2.0' },
        { typ },
      ),
      'ID token of the same registration': await jwt(
        {
          aud: app,
          iss,
          nbf: now - 10,
          name: 'Alice',
          nonce: 'n',
          oid: claims.oid,
          sub: 's',
          tid,
          ver: '2.0',
        },
        { typ },
      ),
      'signed by somebody else': await jwt(claims, { typ, forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }, { typ }),
    },
    origins: ['https://login.microsoftonline.com'],
    limited: () =>
      Response.json(
        {
          error: 'temporarily_unavailable',
          error_description: 'AADSTS90055: too many requests',
          error_codes: [90055],
        },
        { status: 429, headers: { 'retry-after': '7' } },
      ),
    routes: { [`GET /${tid}/discovery/v2.0/keys`]: keySet },
  })
}

/** Google: https://oauth2.googleapis.com/tokeninfo */
function googleImitation(): Imitation {
  const client = '407408718192.apps.googleusercontent.com'
  const good = 'ya29.a0AfH6SMBgood'
  const tokens: Record<string, Record<string, string>> = {
    [good]: { azp: client, aud: client },
    'ya29.a0AfH6SMBother': {
      azp: 'other.apps.googleusercontent.com',
      aud: 'other.apps.googleusercontent.com',
    },
    'ya29.a0AfH6SMBold': { azp: client, aud: client, exp: String(now - 60), expires_in: '0' },
    'ya29.a0AfH6SMBodd': { azp: client, aud: client, exp: 'soon' },
  }
  return imitation({
    name: 'google',
    preset: google({ clientId: client }),
    opaque: true,
    good,
    expected: {
      issuer: 'https://accounts.google.com',
      subject: '110169484474386276334',
      clientId: client,
      scopes: ['openid', 'https://www.googleapis.com/auth/userinfo.email'],
    },
    bad: {
      'another application': 'ya29.a0AfH6SMBother',
      unknown: 'ya29.a0AfH6SMBnone',
      expired: 'ya29.a0AfH6SMBold',
      'an unintelligible expiry': 'ya29.a0AfH6SMBodd',
    },
    origins: ['https://oauth2.googleapis.com'],
    limited: () =>
      Response.json(
        { error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } },
        { status: 429 },
      ),
    routes: {
      'POST /tokeninfo': async (request) => {
        const token = tokens[request.headers.get('authorization')?.replace('Bearer ', '') ?? '']
        if (token === undefined)
          return Response.json(
            { error: 'invalid_token', error_description: 'Invalid Value' },
            { status: 400 },
          )
        return Response.json({
          sub: '110169484474386276334',
          scope: 'openid https://www.googleapis.com/auth/userinfo.email',
          exp: String(now + 3599),
          expires_in: '3599',
          email: 'alice@example.com',
          email_verified: 'true',
          access_type: 'online',
          ...token,
        })
      },
    },
  })
}

/** GitHub: https://docs.github.com/rest/apps/oauth-applications#check-a-token */
function githubImitation(): Imitation {
  const client = 'Iv1.8a61f9b3a7aba766'
  const good = 'gho_16C7e42F292c6912E7710c838347Ae178B4a'
  const message = (status: number, text: string): Response =>
    Response.json(
      { message: text, documentation_url: 'https://docs.github.com/rest', status: String(status) },
      { status },
    )
  const known: Record<string, Record<string, unknown>> = {
    [good]: {},
    ghu_expired: { expires_at: new Date((now - 60) * 1000).toISOString() },
    // Never so on GitHub; another application's client id in the answer must not pass all the same.
    gho_foreign: { app: { name: 'other', url: 'http://x.test', client_id: 'Iv1.other' } },
  }
  return imitation({
    name: 'github',
    preset: github({ clientId: client, clientSecret: 'hush' }),
    opaque: true,
    good,
    expected: {
      issuer: 'https://github.com/login/oauth',
      subject: '583231',
      clientId: client,
      scopes: ['read:user', 'repo'],
    },
    bad: {
      'a personal access token': 'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
      unknown: 'gho_unknown',
      expired: 'ghu_expired',
      'another application': 'gho_foreign',
    },
    origins: ['https://api.github.com'],
    limited: () =>
      Response.json(
        { message: 'API rate limit exceeded', documentation_url: 'https://docs.github.com/rest' },
        { status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 60) } },
      ),
    routes: {
      [`POST /applications/${client}/token`]: async (request) => {
        if (!request.headers.get('user-agent'))
          return message(
            403,
            'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
          )
        if (request.headers.get('authorization') !== basic(client, 'hush'))
          return message(401, 'Bad credentials')
        const { access_token } = (await request.json()) as { access_token: string }
        const token = known[access_token]
        if (token === undefined) return message(404, 'Not Found')
        return Response.json({
          id: 1,
          url: 'https://api.github.com/authorizations/1',
          scopes: ['read:user', 'repo'],
          token: access_token,
          token_last_eight: access_token.slice(-8),
          hashed_token: '25f94a2a5c7fbaf499c665bc73d67c1c87e496da8985131633ee0a95819db2e8',
          app: { url: 'http://notes.example.com', name: 'notes', client_id: client },
          created_at: '2026-01-01T00:00:00Z',
          expires_at: null,
          user: { login: 'octocat', id: 583_231, type: 'User' },
          ...token,
        })
      },
    },
  })
}

/** Keycloak: https://www.keycloak.org/securing-apps/oidc-layers */
async function keycloakImitation(): Promise<Imitation> {
  const origin = 'https://id.example.com'
  const iss = `${origin}/realms/notes`
  const claims = {
    jti: 'onrtac:1',
    iss,
    aud: [resource, 'account'],
    sub: 'f3c2b1a0-0000-4000-8000-000000000001',
    typ: 'Bearer',
    azp: 'mcp-client',
    sid: 's1',
    'allowed-origins': ['*'],
    realm_access: { roles: ['offline_access', 'uma_authorization'] },
    scope: 'openid notes:read',
    preferred_username: 'alice',
  }
  const typ = 'JWT'
  const good = await jwt(claims, { typ })
  return imitation({
    name: 'keycloak',
    preset: keycloak({ url: origin, realm: 'notes', clientId: 'rs', clientSecret: 's3cret' }),
    good,
    expected: { issuer: iss, subject: claims.sub, clientId: 'mcp-client', scopes: ['openid', 'notes:read'] },
    bad: {
      'audience account, without a mapper': await jwt({ ...claims, aud: 'account' }, { typ }),
      'another realm': await jwt({ ...claims, iss: `${origin}/realms/master` }, { typ }),
      'ID token': await jwt({ ...claims, typ: 'ID', at_hash: 'h' }, { typ }),
      'ID token without any mark but its type': await jwt({ ...claims, typ: 'ID' }, { typ }),
      'offline token': await jwt({ ...claims, typ: 'Offline' }, { typ }),
      'signed by somebody else': await jwt(claims, { typ, forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }, { typ }),
    },
    origins: [origin],
    limited: () => new Response('Too Many Requests', { status: 429 }),
    routes: {
      'GET /realms/notes/protocol/openid-connect/certs': keySet,
      'POST /realms/notes/protocol/openid-connect/token/introspect': async (request) => {
        if (request.headers.get('authorization') !== basic('rs', 's3cret'))
          return Response.json(
            { error: 'invalid_request', error_description: 'Authentication failed.' },
            { status: 401 },
          )
        const form = new URLSearchParams(await request.text())
        if (form.get('token') !== good) return Response.json({ active: false })
        return Response.json({
          ...claims,
          exp: now + 3600,
          client_id: 'mcp-client',
          username: 'alice',
          token_type: 'Bearer',
          active: true,
        })
      },
    },
  })
}

/** RFC 8414, RFC 9068, RFC 8707. */
async function oidcImitation(): Promise<Imitation> {
  const iss = 'https://as.example.com'
  const claims = {
    iss,
    sub: 'alice',
    aud: resource,
    client_id: 'client-1',
    scope: 'notes:read',
    jti: 'j1',
  }
  const typ = 'at+jwt'
  return imitation({
    name: 'oidc',
    preset: oidc({ issuer: iss }),
    good: await jwt(claims, { typ }),
    expected: { issuer: iss, subject: 'alice', clientId: 'client-1', scopes: ['notes:read'] },
    bad: {
      'another resource': await jwt({ ...claims, aud: 'https://mcp.test/other' }, { typ }),
      'no audience': await jwt({ ...claims, aud: undefined }, { typ }),
      'typ JWT': await jwt(claims, { typ: 'JWT' }),
      'ID token': await jwt({ iss, sub: 'alice', aud: 'client-1', nonce: 'n' }, { typ: 'JWT' }),
      'signed by somebody else': await jwt(claims, { typ, forged: true }),
      expired: await jwt({ ...claims, exp: now - 60 }, { typ }),
    },
    origins: [iss],
    limited: () => new Response('', { status: 429, headers: { 'retry-after': '7' } }),
    routes: {
      'GET /.well-known/oauth-authorization-server': async () =>
        Response.json({
          issuer: iss,
          authorization_endpoint: `${iss}/authorize`,
          token_endpoint: `${iss}/token`,
          jwks_uri: `${iss}/jwks`,
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
        }),
      'GET /jwks': keySet,
    },
  })
}

/** All eight, fresh and well. */
export const imitations = (): Promise<Imitation[]> =>
  Promise.all([
    auth0Imitation(),
    oktaImitation(),
    cognitoImitation(),
    entraImitation(),
    googleImitation(),
    githubImitation(),
    keycloakImitation(),
    oidcImitation(),
  ])

export interface Network {
  fetch: typeof fetch
  /** `METHOD url` of every request. */
  readonly requests: string[]
}

/** The internet, as far as these providers make it. */
export function network(...providers: Imitation[]): Network {
  const requests: string[] = []
  return {
    requests,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { origin } = new URL(request.url)
      requests.push(`${request.method} ${request.url}`)
      const provider = providers.find((each) => each.origins.includes(origin))
      if (provider === undefined) throw new TypeError(`no such host: ${origin}`)
      return provider.answer(request)
    },
  }
}

interface Parts extends Omit<Imitation, 'mood' | 'answer' | 'opaque'> {
  opaque?: boolean
  limited: () => Response
  routes: Record<string, (request: Request) => Promise<Response>>
}

function imitation({ routes, limited, opaque = false, ...parts }: Parts): Imitation {
  return {
    ...parts,
    opaque,
    mood: 'well',
    async answer(request) {
      if (this.mood === 'rate limited') return limited()
      if (this.mood === 'down') return new Response('<h1>Bad gateway</h1>', { status: 502 })
      const route = routes[`${request.method} ${new URL(request.url).pathname}`]
      return route === undefined ? notFound() : route(request)
    },
  }
}
