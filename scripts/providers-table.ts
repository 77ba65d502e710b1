// Writes docs/reference/providers.md from the presets themselves: `node scripts/providers-table.ts`. A test holds it current.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AudienceRule, Provider } from '../src/types.ts'
import { auth0 } from '../src/provider/auth0.ts'
import { authentik } from '../src/provider/authentik.ts'
import { betterAuth } from '../src/provider/better-auth.ts'
import { clerk } from '../src/provider/clerk.ts'
import { cognito } from '../src/provider/cognito.ts'
import { descope } from '../src/provider/descope.ts'
import { discord } from '../src/provider/discord.ts'
import { entra } from '../src/provider/entra.ts'
import { kinde } from '../src/provider/kinde.ts'
import { logto } from '../src/provider/logto.ts'
import { oauth2 } from '../src/provider/oauth2.ts'
import { oidc } from '../src/provider/oidc.ts'
import { fusionauth } from '../src/provider/fusionauth.ts'
import { github } from '../src/provider/github.ts'
import { gitlab } from '../src/provider/gitlab.ts'
import { google } from '../src/provider/google.ts'
import { keycloak } from '../src/provider/keycloak.ts'
import { okta } from '../src/provider/okta.ts'
import { ory } from '../src/provider/ory.ts'
import { ping } from '../src/provider/ping.ts'
import { propelauth } from '../src/provider/propelauth.ts'
import { scalekit } from '../src/provider/scalekit.ts'
import { slack } from '../src/provider/slack.ts'
import { stytch } from '../src/provider/stytch.ts'
import { supabase } from '../src/provider/supabase.ts'
import { workos } from '../src/provider/workos.ts'
import { zitadel } from '../src/provider/zitadel.ts'

/** Every preset with the placeholders of its own documentation. */
export const samples: Record<string, Provider> = {
  auth0: auth0({ domain: 'example.auth0.com' }),
  okta: okta({ domain: 'example.okta.com' }),
  cognito: cognito({ region: 'eu-central-1', userPoolId: 'eu-central-1_AbCdEfGhI', clientId: 'clientId' }),
  entra: entra({ tenantId: '00000000-0000-0000-0000-000000000000', clientId: 'clientId' }),
  google: google({ clientId: 'clientId' }),
  github: github({ clientId: 'clientId', clientSecret: 'clientSecret' }),
  keycloak: keycloak({ url: 'https://id.example.com', realm: 'realm' }),
  oidc: oidc({ issuer: 'https://as.example.com' }),
  oauth2: oauth2({
    issuer: 'https://as.example.com',
    authorizationEndpoint: 'https://as.example.com/authorize',
    tokenEndpoint: 'https://as.example.com/token',
    userinfoEndpoint: 'https://as.example.com/me',
    introspectionEndpoint: 'https://as.example.com/introspect',
  }),
  workos: workos({ domain: 'example.authkit.app' }),
  descope: descope({ projectId: 'projectId', mcpServerId: 'serverId' }),
  scalekit: scalekit({ environmentUrl: 'https://example.scalekit.com', resourceId: 'res_1' }),
  supabase: supabase({ url: 'https://example.supabase.co' }),
  clerk: clerk({ domain: 'example.clerk.accounts.dev' }),
  stytch: stytch({ projectId: 'projectId', domain: 'example.customers.stytch.com' }),
  discord: discord({ clientId: 'clientId' }),
  gitlab: gitlab({ clientId: 'clientId' }),
  slack: slack({ clientId: 'clientId', clientSecret: 'clientSecret', teamId: 'T0123456789' }),
  'better-auth': betterAuth({ url: 'https://example.com/api/auth' }),
  propelauth: propelauth({ authUrl: 'https://auth.example.com' }),
  authentik: authentik({ url: 'https://id.example.com', slug: 'slug', clientId: 'clientId' }),
  zitadel: zitadel({ url: 'https://example.zitadel.cloud', projectId: 'projectId' }),
  ory: ory({ url: 'https://example.projects.oryapis.com' }),
  logto: logto({ url: 'https://example.logto.app' }),
  ping: ping({ environmentId: '00000000-0000-0000-0000-000000000000' }),
  fusionauth: fusionauth({ url: 'https://auth.example.com' }),
  kinde: kinde({ domain: 'example.kinde.com' }),
}

/** What an MCP client can do there by itself; not part of the data, since nothing in the guard depends on it. */
const registration: Record<string, string> = {
  auth0: 'dynamic registration (tenant setting)',
  okta: 'none',
  cognito: 'none',
  entra: 'none',
  google: 'none',
  github: 'none',
  keycloak: 'dynamic registration',
  oidc: 'see its metadata',
  oauth2: 'none',
  workos: 'dynamic registration, client-id documents',
  descope: 'dynamic registration, client-id documents',
  scalekit: 'dynamic registration, client-id documents',
  supabase: 'dynamic registration (off by default)',
  clerk: 'dynamic registration',
  stytch: 'dynamic registration (opt-in), client-id documents',
  discord: 'none',
  gitlab: 'see its metadata',
  slack: 'none',
  'better-auth': 'see its metadata',
  propelauth: 'see its metadata',
  authentik: 'see its metadata',
  zitadel: 'see its metadata',
  ory: 'see its metadata',
  logto: 'see its metadata',
  ping: 'see its metadata',
  fusionauth: 'see its metadata',
  kinde: 'see its metadata',
}

const code = (text: string): string => `\`${text}\``
const codes = (texts: readonly string[]): string => texts.map(code).join(', ')

function audienceOf(rule: AudienceRule = 'resource'): string {
  if (rule === 'resource') return '`aud` has the resource'
  if (!('claim' in rule)) return `${code('aud')} has ${codes(rule.aud)}`
  const claim = `${code(rule.claim)} is ${codes(rule.equals)}`
  return rule.aud === undefined ? claim : `${claim}; ${code('aud')} has ${codes(rule.aud)}`
}

function tokensOf({ jwt, opaque }: Provider): string {
  const kinds: string[] = []
  if (jwt) {
    const typ = [jwt.typ === 'jwt' ? 'any but ID tokens' : 'at+jwt', ...(jwt.alsoTypes ?? [])]
    kinds.push(`JWT (${jwt.algorithms?.join(', ') ?? 'asymmetric'}; ${typ.join(', ')})`)
  }
  if (opaque) kinds.push(`opaque (${opaque.style ?? 'RFC 7662'})`)
  return kinds.join('; ')
}

function issuerOf({ issuer, jwt }: Provider): string {
  return codes([issuer, ...(jwt?.alsoIssuers ?? [])])
}

function row(name: string, provider: Provider): string {
  const { jwt, opaque, client } = provider
  const profile = jwt ?? opaque
  if (profile === undefined)
    return [code(`tollgate/provider/${name}`), issuerOf(provider), 'not verified', '', '', '', 'none'].join(
      ' | ',
    )
  const required = Object.entries(jwt?.requiredClaims ?? {}).map(([claim, value]) => `${claim}=${value}`)
  return [
    code(`tollgate/provider/${name}`),
    issuerOf(provider),
    tokensOf(provider),
    [
      audienceOf(profile.audience),
      ...(required.length > 0 ? [codes(required)] : []),
      ...(jwt?.anyOfClaims ? [`one of ${codes(jwt.anyOfClaims)}`] : []),
    ].join('; '),
    codes(profile.scopeClaims ?? ['scope', 'scp']),
    client?.resource === 'omit'
      ? 'left out'
      : client?.resource === 'audience'
        ? 'sent as `audience`'
        : 'sent',
    registration[name]!,
  ].join(' | ')
}

const ends = (all: boolean): string => (all ? 'ends all tokens of the user' : 'ends one sign-in')

/** What `upstream(preset)` does there. */
function signInRow(name: string, { issuer, client, signIn }: Provider): string {
  const {
    protocol,
    scopes,
    offlineScope,
    subjectClaim = 'sub',
    subjectTenantClaim,
    prompts = protocol === 'oidc' ? ['login', 'select_account', 'none'] : [],
    idTokenIssuers = protocol === 'oidc' ? [issuer] : [],
    requiredClaims = {},
    revocation,
    revocationEndsAll,
    exchange,
  } = signIn!
  const standard = protocol === 'oidc' ? ['openid', 'profile', 'email'] : []
  const parameters = Object.entries(client?.authorizationParameters ?? {}).map((pair) => pair.join('='))
  const asked = [...(scopes ?? standard), ...parameters]
  const revoked = protocol === 'oidc' || client?.endpoints?.revocation ? 'RFC 7009' : 'no'
  const only = Object.entries(requiredClaims).map(
    ([name, values]) => `; ${code(name)} is ${codes([values].flat())}`,
  )
  const who =
    protocol === 'oidc' ? `ID token of ${codes(idTokenIssuers)}` : code(client!.endpoints!.userinfo!)
  const ended = revocation === 'github' ? 'its own form' : revocation === 'none' ? 'no' : revoked
  return [
    code(name),
    [who, ...only].join(''),
    (subjectTenantClaim === undefined ? '' : `${code(subjectTenantClaim)}:`) + code(subjectClaim),
    codes(asked) || 'nothing',
    offlineScope === undefined ? '' : code(offlineScope),
    codes(prompts) || 'none',
    ended === 'no' || revocationEndsAll === undefined ? ended : `${ended}; ${ends(revocationEndsAll)}`,
    exchange === 'entra' ? 'its own form' : exchange === 'rfc8693' ? 'RFC 8693' : 'no',
  ].join(' | ')
}

/** The page. */
export function page(): string {
  const head = [
    'preset',
    'issuer',
    'access tokens',
    'for whom',
    'scopes from',
    '`resource`',
    'MCP clients register by',
  ]
  const signInHead = [
    'preset',
    'who says who it is',
    'claim',
    'always asked for',
    'for refresh tokens',
    '`prompt` passed on',
    'revocation',
    'on behalf of the user',
  ]
  return [
    '# Providers',
    '',
    'Generated from the presets by `node scripts/providers-table.ts`. A preset is data: what it returns can be printed, compared and overridden.',
    'A page per provider in [the guide](../guide/providers/) says what to click there and what to paste here.',
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...Object.entries(samples).map(([name, provider]) => `| ${row(name, provider)} |`),
    '',
    'Opaque tokens are judged by `introspectionVerifier`; a preset without JWTs passed bare throws a `ConfigurationError`. Where MCP clients',
    'cannot register, our own authorization server stands in front and signs users in through the provider.',
    '',
    '## Sign-in',
    '',
    'What `upstream(preset, { admit })` does. The subject is `<issuer>|<claim>`, with the claim of the third column.',
    '',
    `| ${signInHead.join(' | ')} |`,
    `|${signInHead.map(() => '---').join('|')}|`,
    ...Object.entries(samples)
      .filter(([, { signIn }]) => signIn !== undefined)
      .map(([name, provider]) => `| ${signInRow(name, provider)} |`),
    '',
  ].join('\n')
}

export const path: string = join(import.meta.dirname, '../docs/reference/providers.md')

if (import.meta.filename === process.argv[1]) {
  writeFileSync(path, page())
}
