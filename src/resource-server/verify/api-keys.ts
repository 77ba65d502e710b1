import { ConfigurationError, InvalidTokenError, OAuthError, UnavailableError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { checkOptions } from '../../lib/options.ts'
import { randomToken } from '../../lib/random.ts'
import { attribute, resolveRuntime } from '../../lib/runtime.ts'
import { isScopeToken } from '../../protocol/scope.ts'
import type { AuthorizationServer, Awaitable, Clock, TokenVerifier, VerifiedToken } from '../../types.ts'

/** One API key, without the key. */
export interface ApiKey {
  /** What {@link hashApiKey} makes of the key. */
  hash: string
  /** Whose key it is; becomes `auth.subject`. */
  subject: string
  /** What the key may do. */
  scopes: readonly string[]
  /** Becomes `auth.clientId`. Default: `api-key`. */
  clientId?: string
  /** Seconds since the epoch. Default: never. */
  expiresAt?: number
  /** Becomes `auth.props`. */
  props?: unknown
}

/** Options of {@link apiKeyVerifier}. */
export interface ApiKeyOptions {
  /** The keys, or how to find one by its hash; `undefined` or `null` means that there is no such key. */
  keys: readonly ApiKey[] | ((hash: string) => Awaitable<ApiKey | null | undefined>)
  /** What every key begins with, for example `notes_`. Tokens without it are left to the other verifiers. */
  prefix: string
  /** Becomes `auth.issuer`. Default: `urn:tollgate:api-keys`. */
  issuer?: string
  /** Says on every answer that keys are going away. Default: silence. */
  deprecation?: Deprecation
  /** How long a key found may be used before it is looked up again, in seconds, 0–3600. Default 60. */
  ttl?: number
}

/** When API keys are deprecated and end, for the headers `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`. */
export interface Deprecation {
  /** Since when, in seconds since the epoch. */
  since: number
  /** When keys stop working, in seconds since the epoch. From then on they are refused. */
  sunset?: number
  /** A page that tells how to move to OAuth. */
  documentation?: string
}

/**
 * Accepts API keys beside OAuth, on the way from one to the other: `authorizationServers: [as, apiKeyVerifier({ … })]`.
 *
 * Only hashes are kept. Keys must be random: make them with {@link createApiKey}. An unknown or expired key is `invalid_token`.
 *
 * @see [RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)
 */
export function apiKeyVerifier(options: ApiKeyOptions): AuthorizationServer {
  checkOptions('apiKeyVerifier', options, ['keys', 'prefix', 'issuer', 'deprecation', 'ttl'])
  const { keys, prefix, issuer = 'urn:tollgate:api-keys', deprecation, ttl = 60 } = options
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_-]{1,31}$/.test(prefix))
    throw new ConfigurationError(
      'prefix',
      'must be 2 to 32 letters, digits, `_` or `-`, for example `notes_`',
    )
  if (!Number.isFinite(ttl) || ttl < 0 || ttl > 3600)
    throw new ConfigurationError('ttl', 'must be between 0 and 3600 seconds')
  const find = typeof keys === 'function' ? keys : listed(keys)
  const responseHeaders = deprecation === undefined ? undefined : deprecationHeaders(deprecation)
  return {
    issuer,
    listed: false,
    verifier(_resource, runtime): TokenVerifier {
      const { clock } = resolveRuntime(runtime)
      return {
        accepts: (token) => token.startsWith(prefix),
        async verify(token) {
          const hash = await hashApiKey(token)
          const key = await lookUp(find, hash)
          // A lookup that ignores its argument would let every key in.
          if (!key || !constantTimeEqual(key.hash, hash))
            throw new InvalidTokenError('The API key is not known')
          return accepted(key, { issuer, clock, ttl, responseHeaders, sunset: deprecation?.sunset })
        },
      }
    },
  }
}

/** A new key (200 random bits behind the prefix) and the hash to keep. The key itself is shown once and stored nowhere. */
export async function createApiKey(prefix: string): Promise<{ key: string; hash: string }> {
  const key = `${prefix}${randomToken(25)}`
  return { key, hash: await hashApiKey(key) }
}

/** SHA-256 with a purpose, as base64url: what is stored in place of the key. */
export const hashApiKey = (key: string): Promise<string> => sha256(key, 'api key')

function accepted(
  key: ApiKey,
  context: {
    issuer: string
    clock: Clock
    ttl: number
    responseHeaders: Record<string, string> | undefined
    sunset: number | undefined
  },
): VerifiedToken {
  const { issuer, clock, ttl, responseHeaders, sunset } = context
  const now = clock()
  const ends = Math.min(key.expiresAt ?? Infinity, sunset ?? Infinity)
  if (ends <= now) throw new InvalidTokenError('The API key has expired')
  return {
    issuer,
    subject: key.subject,
    clientId: key.clientId ?? 'api-key',
    scopes: key.scopes,
    // AuthInfo needs an end; a key without one is good for an hour from each look.
    expiresAt: ends === Infinity ? now + 3600 : ends,
    claims: { sub: key.subject },
    props: key.props,
    cacheUntil: Math.min(now + ttl, ends),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
  }
}

async function lookUp(
  find: (hash: string) => Awaitable<ApiKey | null | undefined>,
  hash: string,
): Promise<ApiKey | null | undefined> {
  try {
    return await find(hash)
  } catch (cause) {
    throw cause instanceof OAuthError
      ? cause
      : attribute(
          new UnavailableError('The API keys are out of reach', { cause }),
          'apiKeyVerifier.keys',
          cause,
        )
  }
}

function listed(keys: readonly ApiKey[]): (hash: string) => ApiKey | undefined {
  if (!Array.isArray(keys)) throw new ConfigurationError('keys', 'must be a list or a function')
  const byHash = new Map<string, ApiKey>()
  for (const [i, key] of keys.entries()) {
    const at = `keys[${i}]`
    checkOptions(at, key, ['hash', 'subject', 'scopes', 'clientId', 'expiresAt', 'props'])
    if (!/^[A-Za-z0-9_-]{43}$/.test(key.hash))
      throw new ConfigurationError(
        `${at}.hash`,
        'must be what hashApiKey() makes of a key, never the key itself',
      )
    if (typeof key.subject !== 'string' || key.subject === '')
      throw new ConfigurationError(`${at}.subject`, 'must say whose key it is')
    if (!Array.isArray(key.scopes) || !key.scopes.every(isScopeToken))
      throw new ConfigurationError(`${at}.scopes`, 'must be a list of scopes')
    if (byHash.has(key.hash)) throw new ConfigurationError(`${at}.hash`, 'is there twice')
    byHash.set(key.hash, key)
  }
  return (hash) => byHash.get(hash)
}

function deprecationHeaders({ since, sunset, documentation }: Deprecation): Record<string, string> {
  if (!Number.isFinite(since))
    throw new ConfigurationError('deprecation.since', 'must be seconds since the epoch')
  if (sunset !== undefined && !(sunset >= since))
    throw new ConfigurationError('deprecation.sunset', 'must not be before `since` (RFC 9745 §4)')
  if (documentation !== undefined && !URL.canParse(documentation))
    throw new ConfigurationError('deprecation.documentation', 'must be an absolute URL')
  return {
    Deprecation: `@${Math.floor(since)}`,
    ...(sunset === undefined ? {} : { Sunset: new Date(sunset * 1000).toUTCString() }),
    ...(documentation === undefined
      ? {}
      : { Link: `<${new URL(documentation).href}>; rel="deprecation"; type="text/html"` }),
  }
}
