import { isJsonObject } from '../lib/json.ts'
import {
  cache,
  custom,
  either,
  flag,
  func,
  integer,
  list,
  matching,
  methods,
  object,
  oneOf,
  optionError,
  readOptions,
  rejectEmptySegment,
  seconds,
  secretError,
  secrets,
  text,
  url,
  type Option,
  type OptionalOption,
} from '../lib/options.ts'
import { randomToken } from '../lib/random.ts'
import { runtimeOptions } from '../lib/runtime.ts'
import type { ClientMetadata } from '../protocol/client-metadata.ts'
import { hasDangerousScheme } from '../protocol/dangerous-scheme.ts'
import { isPrivateUseRedirect } from '../protocol/redirect-uri.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import type { Branding, RateLimiter, SignIn, Store } from '../types.ts'
import type { KeyRingOptions } from './keys.ts'
import type { LinkedAccounts } from './links.ts'
import type { AuthorizationServerOptions, ResolvedOptions } from './options.ts'
import { pathTable, type Paths } from './paths.ts'

/** Wrong names that resemble no right one, and the options of other functions. */
const mistakes = {
  'scopes scopesSupported': "use resources: { 'https://…/mcp': { scopes } }",
  audience: 'resources',
  upstream: 'use signIn: upstream(…)',
  linkedAccounts: 'links',
  choices: 'consent.choices',
  tokenExchangeCallback: 'onTokens',
  clockTolerance: 'it is fixed',
  redirectUri: 'it is <issuer>/authorize/callback/<provider>',
  'name requiredScopes accessTokens lifetime introspectionSecret': 'it belongs to each resource in resources',
  'authorizationServers allowedOrigins publicUrl scopesFromClaims tokenCache cacheSecret':
    'it belongs to createResourceServer',
  operations: 'it belongs to the second argument of protect()',
  users: 'it belongs to passwordSignIn',
  'loginUrl identify': 'it belongs to ownLogin',
  admit: 'it belongs to upstream',
}

/** The options with their defaults. Throws ConfigurationError if an option is wrong, missing or unknown. */
export function resolveOptions(options: AuthorizationServerOptions): ResolvedOptions {
  const given = readOptions('createAuthorizationServer', options, table(), mistakes)
  const { issuer, secret, privateUseRedirects, allowRedirects, behindProxy } = given
  rejectEmptySegment(issuer, 'issuer')
  return {
    ...given,
    secrets: secret === undefined ? [ownSecret(issuer)] : [secret].flat(),
    redirects: { privateUse: privateUseRedirects, allow: allowRedirects },
    tokenEndpointAudience: given.dangerouslyAllowTokenEndpointAudience,
    behindProxy: behindProxy !== false,
  }
}

const day = 86_400

/** One row per option: its type, range and default. `createContext` checks what depends on other options. */
function table() {
  const lifetime = (min: number, max: number, standard: number) =>
    integer({ min, max }, ' of seconds').default(standard)
  return {
    issuer: issuer().required,
    secret: secrets(),
    store: methods<Store>(['get', 'put', 'delete'], 'a store such as memoryStore()').required,
    cache: cache(),
    signIn: signIn().required,
    links: methods<LinkedAccounts>(['attach'], 'linkedAccounts({ … })'),
    resources: named<AuthorizationServerOptions['resources']>(
      "an object such as { 'https://…/mcp': { scopes: { 'notes:read': 'Read your notes' } } }",
    ).required,
    defaultResource: text(),
    clients: matching<readonly ClientMetadata[]>('a list of clients', Array.isArray).default([]),
    registration: oneOf(['stateless', 'stored', false]).default('stateless'),
    initialAccessTokens: list(initialAccessToken()).default([]),
    privateUseRedirects: oneOf([true, 'known', false]).default(true),
    allowRedirects: list(
      matching<string>(
        'a whole redirect URI with a private-use scheme, such as "myapp://callback"',
        isAllowedRedirect,
      ),
    ).default([]),
    clientDocuments: either(flag(), object({ fetch: func().required })).default(true),
    dangerouslyAllowTokenEndpointAudience: flag().default(false),
    paths: object(pathTable()).default({}) as Option<Paths>,
    checkRevocation: either(oneOf([false]), seconds({ min: 0, max: 3600 })).default(false),
    keys: named<KeyRingOptions>('an object such as { algorithm, rotateAfter }'),
    rateLimit: methods<RateLimiter>(['limit'], 'a rate limiter such as memoryRateLimiter()'),
    branding: object({
      name: text(),
      logo: text(
        'an https URL or a data:image/ URL',
        /^(https:\/\/|data:image\/)[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]+$/,
      ),
      accent: text('a colour such as #0b5fff', colour),
      accentDark: text('a colour such as #0b5fff', colour),
    }).default({}) as Option<Branding>,
    consent: object({ preselect: flag().default(true), choices: func() }).default({}) as Option<
      ResolvedOptions['consent']
    >,
    onTokens: func(),
    lifetimes: object(
      {
        code: lifetime(10, 600, 60),
        transaction: lifetime(60, 3600, 600),
        refreshGrace: lifetime(0, 120, 30),
        refreshIdle: lifetime(3600, 400 * day, 30 * day),
        refreshAbsolute: lifetime(3600, 730 * day, 180 * day),
        session: lifetime(60, day, 3600),
        rememberedConsent: lifetime(0, 30 * day, 0),
      },
      { accessToken: 'use lifetime of each resource in resources' },
    ).default({}),
    behindProxy: either(flag(), object({ addressHeader: text().required })).default(false),
    rootEndpoints: flag().default(true),
    ...runtimeOptions(),
  }
}

const colour = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i

/** Used character by character everywhere, so only its normal form is accepted. */
const issuer = (): OptionalOption<string> =>
  url(
    'an https URL in its normal form, without query and fragment',
    (url, given) =>
      (url.href === given || url.href === `${given}/`) &&
      [url.search, url.hash, url.username, url.password].every((part) => part === '') &&
      isSecureOrLoopback(url),
    'Only a loopback address may be http',
  )

const signIn = (): OptionalOption<SignIn> => {
  const row = methods<SignIn>(
    ['identify', 'start'],
    'a way to sign in, for example ownLogin({ identify, loginUrl })',
    'Wrap a preset: upstream(github({ … }), { admit })',
  )
  return custom(row.what, (value, name) => {
    const given = row.required(value, name)
    oneOf(['before', 'after']).required(given.consent, `${name}.consent`)
    return given
  })
}

const initialAccessToken = (): OptionalOption<string> => {
  const what = 'a random string of at least 32 characters'
  return custom(what, (value, name) => {
    if (typeof value !== 'string' || value.length < 32) throw secretError(name, what, value)
    return value
  })
}

const isAllowedRedirect = (uri: unknown): boolean =>
  typeof uri === 'string' &&
  URL.canParse(uri) &&
  isPrivateUseRedirect(uri.toLowerCase()) &&
  !hasDangerousScheme(uri)

/** An object that another function checks. */
const named = <T = Record<string, unknown>>(what: string): OptionalOption<T> => matching(what, isJsonObject)

/** A secret for this process, which is enough if the issuer is a loopback address. */
function ownSecret(issuer: string): string {
  if (issuer.startsWith('https:')) secrets().required(undefined, 'secret')
  try {
    return randomToken(32)
  } catch {
    throw optionError(
      'secret',
      'passed here, because nothing random can be made before the first request',
      undefined,
      'Make one with: openssl rand -base64 32 (wrangler reads it from .dev.vars)',
    )
  }
}
