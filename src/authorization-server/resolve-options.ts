import { ConfigurationError } from '../errors.ts'
import {
  checkOptions,
  requireFunction,
  requireInteger,
  requireSeconds,
  requireString,
  requireStrings,
} from '../lib/options.ts'
import { randomToken } from '../lib/random.ts'
import { hasDangerousScheme } from '../protocol/dangerous-scheme.ts'
import { isPrivateUseRedirect } from '../protocol/redirect-uri.ts'
import { isSecureOrLoopback } from '../protocol/resource.ts'
import type { Fetch, SignIn } from '../types.ts'
import type { AuthorizationServerOptions, Branding, Lifetimes, ResolvedOptions } from './options.ts'

const known = {
  fetch: true,
  clock: true,
  waitUntil: true,
  onEvent: true,
  onError: true,
  repeatedEvents: true,
  clientAddress: true,
  issuer: true,
  secret: true,
  store: true,
  cache: true,
  signIn: true,
  resources: true,
  defaultResource: true,
  clients: true,
  registration: true,
  initialAccessTokens: true,
  privateUseRedirects: true,
  allowRedirects: true,
  clientDocuments: true,
  dangerouslyAllowTokenEndpointAudience: true,
  paths: true,
  checkRevocation: true,
  keys: true,
  rateLimit: true,
  branding: true,
  consent: true,
  lifetimes: true,
  behindProxy: true,
  rootEndpoints: true,
} satisfies Record<keyof AuthorizationServerOptions, true>

/** The options with their defaults; throws ConfigurationError for what is wrong, missing or unknown. */
export function resolveOptions(options: AuthorizationServerOptions): ResolvedOptions {
  checkOptions('createAuthorizationServer', options, Object.keys(known))
  const issuer = issuerUrl(options.issuer)
  for (const name of ['fetch', 'clock', 'waitUntil', 'onEvent', 'onError', 'clientAddress'] as const)
    if (options[name] !== undefined) requireFunction(name, options[name])
  requireSignIn(options.signIn)
  if (options.rateLimit !== undefined) requireFunction('rateLimit.limit', options.rateLimit.limit)
  return {
    issuer: options.issuer,
    secrets: secretsOf(options.secret, issuer.protocol === 'http:'),
    clients: options.clients ?? [],
    registration: registrationOf(options.registration),
    initialAccessTokens: initialAccessTokensOf(options.initialAccessTokens ?? []),
    redirects: {
      privateUse: privateUseOf(options.privateUseRedirects),
      allow: allowRedirectsOf(options.allowRedirects ?? []),
    },
    tokenEndpointAudience: flag(
      'dangerouslyAllowTokenEndpointAudience',
      options.dangerouslyAllowTokenEndpointAudience,
      false,
    ),
    clientDocuments: clientDocumentsOf(options.clientDocuments),
    cache: options.cache,
    checkRevocation:
      options.checkRevocation === undefined || options.checkRevocation === false
        ? false
        : requireSeconds('checkRevocation', options.checkRevocation, { min: 0, max: 3600, default: 0 }),
    branding: brandingOf(options.branding ?? {}),
    consent: consentOf(options.consent ?? {}),
    lifetimes: lifetimesOf(options.lifetimes ?? {}),
    behindProxy: behindProxyOf(options.behindProxy),
    rootEndpoints: flag('rootEndpoints', options.rootEndpoints, true),
  }
}

function issuerUrl(issuer: unknown): URL {
  const text = requireString('issuer', issuer)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const verbatim = url !== undefined && (url.href === text || url.href === `${text}/`)
  if (!verbatim || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw new ConfigurationError('issuer', 'pass a URL in its normal form, without query and fragment')
  if (!isSecureOrLoopback(url))
    throw new ConfigurationError(
      'issuer',
      `must be https; http is for a loopback address alone; got "${text}"`,
    )
  return url
}

function secretsOf(secret: unknown, loopback: boolean): readonly string[] {
  if (secret === undefined && loopback) return [ownSecret()]
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw new ConfigurationError('secret', 'pass a random secret of at least 32 bytes, or a list of them')
  for (const each of secrets)
    if (typeof each !== 'string' || new TextEncoder().encode(each).length < 32)
      throw new ConfigurationError(
        'secret',
        'each secret has at least 32 bytes; make one with a random generator',
      )
  return secrets as string[]
}

/** For this process alone. Workers make nothing random before the first request. */
function ownSecret(): string {
  try {
    return randomToken(32)
  } catch {
    throw new ConfigurationError(
      'secret',
      'must be passed here, because nothing random can be made before the first request; openssl rand -base64 32 makes one ' +
        '(wrangler reads it from .dev.vars)',
    )
  }
}

function requireSignIn(signIn: SignIn): void {
  if (typeof signIn !== 'object' || signIn === null)
    throw new ConfigurationError('signIn', 'pass ownLogin({ identify, loginUrl }) or upstream(…)')
  requireFunction('signIn.identify', signIn.identify)
  requireFunction('signIn.start', signIn.start)
  if (signIn.consent !== 'before' && signIn.consent !== 'after')
    throw new ConfigurationError('signIn.consent', 'is "before" (an upstream) or "after" (an own login)')
}

function registrationOf(value: unknown): 'stateless' | 'stored' | false {
  if (value === undefined) return 'stateless'
  if (value === 'stateless' || value === 'stored' || value === false) return value
  throw new ConfigurationError('registration', 'is "stateless", "stored" or false')
}

function initialAccessTokensOf(value: unknown): readonly string[] {
  const tokens = requireStrings('initialAccessTokens', value)
  if (tokens.some((each) => each.length < 32))
    throw new ConfigurationError('initialAccessTokens', 'each has at least 32 characters')
  return tokens
}

function privateUseOf(value: unknown): boolean | 'known' {
  if (value === undefined) return true
  if (typeof value === 'boolean' || value === 'known') return value
  throw new ConfigurationError('privateUseRedirects', `must be true, "known" or false; got ${String(value)}`)
}

function allowRedirectsOf(value: unknown): readonly string[] {
  const uris = requireStrings('allowRedirects', value)
  for (const uri of uris)
    if (!URL.canParse(uri) || !isPrivateUseRedirect(uri.toLowerCase()) || hasDangerousScheme(uri))
      throw new ConfigurationError('allowRedirects', 'list whole redirect URIs with a private-use scheme')
  return uris
}

function clientDocumentsOf(value: unknown): boolean | { fetch: Fetch } {
  if (value === undefined || typeof value === 'boolean') return value ?? true
  checkOptions('clientDocuments', value, ['fetch'])
  requireFunction('clientDocuments.fetch', (value as { fetch: unknown }).fetch)
  return value as { fetch: Fetch }
}

function consentOf(consent: { preselect?: boolean }): { preselect: boolean } {
  checkOptions('consent', consent, ['preselect'])
  return { preselect: flag('consent.preselect', consent.preselect, true) }
}

function brandingOf(branding: Branding): Branding {
  checkOptions('branding', branding, ['name', 'logo', 'accent', 'accentDark'])
  for (const name of ['accent', 'accentDark'] as const) {
    const colour = branding[name]
    if (colour !== undefined && !/^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(colour))
      throw new ConfigurationError(`branding.${name}`, 'is a colour such as #0b5fff')
  }
  if (
    branding.logo !== undefined &&
    !/^(https:\/\/|data:image\/)[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]+$/.test(branding.logo)
  )
    throw new ConfigurationError('branding.logo', 'is an https URL or a data:image/ URL')
  return branding
}

const day = 86_400

function lifetimesOf(given: Lifetimes): Required<Lifetimes> {
  const names = [
    'code',
    'transaction',
    'refreshGrace',
    'refreshIdle',
    'refreshAbsolute',
    'session',
    'rememberedConsent',
  ]
  checkOptions('lifetimes', given, names)
  const seconds = (name: keyof Lifetimes, min: number, max: number, standard: number): number =>
    requireInteger(`lifetimes.${name}`, given[name], { min, max, default: standard })
  return {
    code: seconds('code', 10, 600, 60),
    transaction: seconds('transaction', 60, 3600, 600),
    refreshGrace: seconds('refreshGrace', 0, 120, 30),
    refreshIdle: seconds('refreshIdle', 3600, 400 * day, 30 * day),
    refreshAbsolute: seconds('refreshAbsolute', 3600, 730 * day, 180 * day),
    session: seconds('session', 60, day, 3600),
    rememberedConsent: seconds('rememberedConsent', 0, 30 * day, 0),
  }
}

function behindProxyOf(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  checkOptions('behindProxy', value, ['addressHeader'])
  requireString('behindProxy.addressHeader', (value as { addressHeader: unknown }).addressHeader)
  return true
}

function flag(option: string, value: unknown, standard: boolean): boolean {
  if (value === undefined) return standard
  if (typeof value !== 'boolean') throw new ConfigurationError(option, 'is true or false')
  return value
}
