import { ConfigurationError } from '../errors.ts'
import type { AuthMethod, ClientCredentials, PrivateKey } from '../http/client-auth.ts'
import { defined } from '../lib/defined.ts'
import {
  custom,
  flag,
  func,
  optionError,
  readOptions,
  record,
  secretError,
  strings,
  text,
  type OptionalOption,
} from '../lib/options.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import type { Awaitable, Provider, SignInProfile } from '../types.ts'
import type { CryptoKey } from '../lib/web-types.ts'

/** Who signed in at the identity provider. */
export interface UpstreamUser {
  /** Who says so. For a provider with many tenants, the tenant's issuer. */
  readonly issuer: string
  /** The user's id at this issuer. The pair of both is the identity; nothing else names the user for ever. */
  readonly subject: string
  /** What a person recognises the account by, if the provider says so. */
  readonly name?: string
  /** Only if the provider says that the address is verified. */
  readonly email?: string
  /** As the provider wrote them: claims of the ID token, or the answer of its `userinfo` endpoint. */
  readonly claims: Readonly<Record<string, unknown>>
  /** For calls to the provider, for example to ask for groups. Not enumerable. */
  readonly accessToken: string
}

/** What a user who is admitted gets. */
export interface Admission {
  /** The most that this user may grant. Default: everything. */
  scopes?: readonly string[]
  /** What handlers get as `auth.props`. JSON of at most 16 000 bytes. */
  props?: unknown
  /** What pages show. Default: what the provider calls the user. */
  name?: string
}

/** Options of {@link upstream}. */
export interface UpstreamOptions {
  /**
   * Decides who may enter: `true`, or what the user gets. A falsy value is `access_denied`. `() => true`
   * lets in every account of the provider, which at GitHub or Google is everybody. After 10 s without an
   * answer the sign-in ends as `temporarily_unavailable`. Required.
   */
  admit: (user: UpstreamUser) => Awaitable<Admission | boolean | null | undefined>
  /** Scopes to ask for beside those that the sign-in needs, for what your tools do there. Default: none. */
  scopes?: readonly string[]
  /** More parameters of the authorization request, for example `{ hd: 'example.com' }`. Default: none. */
  authorizationParameters?: Readonly<Record<string, string>>
  /**
   * Whether the provider's tokens are kept, sealed, for `auth.upstream()`; the grant then ends with them.
   * `false`: only who signed in is used. Default: true.
   */
  keepTokens?: boolean
  /** What pages call the provider. Default: the preset's, for example `GitHub`. */
  name?: string
  /**
   * What tools call it: `auth.upstream('github')`. It is also the last segment of the redirect URI:
   * `<your issuer>/authorize/callback/github`. 1–40 lower-case letters, digits, `_` or `-`; another one for
   * each client at each provider. Default: the preset's, for example `github`.
   */
  provider?: string
  /**
   * Authenticates the client by `private_key_jwt`, in place of a secret: an asymmetric signing key, with its
   * id if the provider wants one. Default: none.
   */
  privateKey?: CryptoKey | { key: CryptoKey; kid?: string }
  /**
   * Authenticates the client by a JWT that the platform makes, in place of a secret: managed or federated
   * identity. Called for each request, which fails after 10 s without an assertion. Default: none.
   */
  clientAssertion?: () => Awaitable<string>
}

/** The options with their defaults, and what they say together with the preset. */
export interface Upstream {
  readonly provider: Provider
  readonly profile: SignInProfile
  readonly clientId: string
  readonly credentials: ClientCredentials
  readonly clientAssertion: (() => Awaitable<string>) | undefined
  readonly admit: UpstreamOptions['admit']
  /** The scopes that are asked for. */
  readonly scopes: readonly string[]
  readonly authorizationParameters: Readonly<Record<string, string>>
  readonly keepTokens: boolean
  /** What pages call it. */
  readonly name: string
  /** What tools call it. */
  readonly toolName: string
}

const toPreset = 'pass it to the preset: github({ clientId, clientSecret })'

/** Wrong names that resemble no right one. */
const mistakes = {
  clientId: toPreset,
  clientSecret: toPreset,
  redirectUri: 'it is fixed: <your issuer>/authorize/callback/<provider>',
  audience: 'use authorizationParameters: { audience }',
  prompt: 'use authorizationParameters: { prompt }',
  'resource authorizationServers requiredScopes': 'it belongs to createResourceServer',
}

/** Throws ConfigurationError. */
export function resolveUpstream(preset: Provider, given: UpstreamOptions): Upstream {
  const profile = checkProvider(preset)
  const options = readOptions(
    'upstream',
    given,
    {
      admit: func('a function that decides who may enter, for example (user) => isMember(user.subject)')
        .required,
      scopes: strings().default([]),
      authorizationParameters: parameters().default({}),
      keepTokens: flag().default(true),
      name: text().default(profile.name),
      provider: text('1–40 lower-case letters, digits, _ or -', /^[a-z0-9_-]{1,40}$/).default(
        preset.provider,
      ),
      privateKey: privateKey(),
      clientAssertion: assertion(),
    },
    mistakes,
  )
  const { clientAssertion, keepTokens } = options
  const standard = profile.protocol === 'oidc' ? ['openid', 'profile', 'email'] : []
  const scopes = [...(profile.scopes ?? standard), ...options.scopes]
  if (keepTokens && profile.offlineScope !== undefined) scopes.push(profile.offlineScope)
  return {
    provider: preset,
    profile,
    clientId: clientIdOf(preset, options.provider),
    credentials: credentialsOf(preset, profile, options),
    clientAssertion,
    admit: options.admit,
    scopes: [...new Set(scopes)],
    authorizationParameters: {
      ...presetParameters(preset, profile, keepTokens),
      ...options.authorizationParameters,
    },
    keepTokens,
    name: options.name,
    toolName: options.provider,
  }
}

function presetParameters(
  { client }: Provider,
  { offlineParameters = [] }: SignInProfile,
  keepTokens: boolean,
): Record<string, string> {
  const entries = Object.entries(client?.authorizationParameters ?? {})
  return Object.fromEntries(entries.filter(([name]) => keepTokens || !offlineParameters.includes(name)))
}

function checkProvider(preset: Provider): SignInProfile {
  const isProvider = typeof preset?.issuer === 'string' && URL.canParse(preset.issuer)
  if (!isProvider)
    throw optionError(
      'provider',
      'what a preset returns, for example github({ clientId, clientSecret })',
      preset,
    )
  const { provider, issuer, client, signIn } = preset
  if (signIn === undefined)
    throw new ConfigurationError(
      'provider',
      `must be one that users can sign in at; got "${provider}", whose preset only verifies tokens. If it ` +
        "speaks OpenID Connect, use the preset for any such provider, with this one's issuer",
    )
  const named = { issuer, ...client?.endpoints, jwksUri: signIn.jwksUri }
  for (const [name, url] of Object.entries(named))
    if (url !== undefined && !(URL.canParse(url) && isSecureOrLoopback(new URL(url))))
      throw optionError(`provider.${name}`, 'an https URL, or http on a loopback address', url)
  // `<issuer>|<subject>` must have one reading (account linking).
  if (issuer.includes('|')) throw optionError('provider.issuer', 'a URL without "|"', issuer)
  if (signIn.protocol === 'oauth2' && client?.endpoints !== undefined && !client.endpoints.userinfo)
    throw new ConfigurationError(
      'provider.client.endpoints.userinfo',
      'must be there, because without an ID token it says who signed in',
    )
  return signIn
}

function clientIdOf({ provider, clientId, credentials }: Provider, name: string): string {
  const id = credentials?.clientId ?? clientId
  if (id !== undefined) return id
  throw new ConfigurationError(
    'provider.clientId',
    `must be the id of your application at the provider; it is required. Register one there, with the redirect ` +
      `URI <your issuer>/authorize/callback/${name}, and pass its clientId and clientSecret to ` +
      `${provider}({ … })`,
  )
}

function credentialsOf(
  { provider, client, credentials }: Provider,
  { clientAuth, needsSecret, assertionAudience }: SignInProfile,
  {
    privateKey,
    clientAssertion,
  }: {
    privateKey: PrivateKey | undefined
    clientAssertion: UpstreamOptions['clientAssertion'] | undefined
  },
): ClientCredentials {
  if (privateKey !== undefined && clientAssertion !== undefined)
    throw new ConfigurationError(
      'upstream.clientAssertion',
      'must not stand beside privateKey; use one of them',
    )
  if (privateKey !== undefined) return { privateKey, authMethod: 'private_key_jwt', assertionAudience }
  const clientSecret = clientAssertion === undefined ? credentials?.clientSecret : undefined
  if (needsSecret && clientSecret === undefined && clientAssertion === undefined)
    throw new ConfigurationError(
      'provider.clientSecret',
      `must be the secret of your application, because ${provider} has no public clients. Pass ` +
        `it to ${provider}({ … }), or give upstream() a privateKey or a clientAssertion`,
    )
  const fixed: AuthMethod | undefined =
    clientAuth ?? (client?.endpoints === undefined ? undefined : 'client_secret_post')
  return defined({ clientSecret, authMethod: fixed })
}

export const privateKey = (): OptionalOption<PrivateKey> =>
  custom('a private CryptoKey, or { key, kid }', (value, name) => {
    const { key = value } = Object(value) as { key?: unknown }
    if (Object(key) !== key || (key as { type?: unknown }).type !== 'private')
      throw secretError(name, 'a private CryptoKey, or { key, kid }', value)
    return value as PrivateKey
  })

const assertion = (): OptionalOption<() => Awaitable<string>> => {
  const what = 'a function that returns the assertion'
  return custom(what, (value, name) => {
    if (typeof value !== 'function') throw secretError(name, what, value)
    return value as () => Awaitable<string>
  })
}

/** What the protocol itself says; with `response_mode` the answer would not come as a redirect. */
const ownParameters = new Set(
  (
    'client_id response_type response_mode redirect_uri scope state nonce code_challenge ' +
    'code_challenge_method max_age login_hint request request_uri'
  ).split(' '),
)

const parameters = (): OptionalOption<Readonly<Record<string, string>>> => {
  const row = record(text().required, "{ hd: 'example.com' }")
  return custom(row.what, (value, name) => {
    const given = row.required(value, name)
    const own = Object.keys(given).find((each) => ownParameters.has(each))
    if (own !== undefined)
      throw new ConfigurationError(`${name}.${own}`, 'is set by the sign-in itself; leave it out')
    return given
  })
}
