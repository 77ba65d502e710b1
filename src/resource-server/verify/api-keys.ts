import { ConfigurationError, InvalidTokenError, isOAuthError, UnavailableError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import {
  custom,
  either,
  func,
  list,
  matching,
  object,
  optionError,
  readOptions,
  seconds,
  secretError,
  text,
  url,
  type Option,
  type OptionalOption,
} from '../../lib/options.ts'
import { randomToken } from '../../lib/random.ts'
import { attribute, resolveRuntime } from '../../lib/runtime.ts'
import { callPartWithin } from '../../lib/within.ts'
import { isScopeToken } from '../../protocol/scope.ts'
import type { AuthorizationServer, Awaitable, Clock, TokenVerifier, VerifiedToken } from '../../types.ts'

/** One API key, without the key. */
export interface ApiKey {
  /** What {@link hashApiKey} makes of the key. */
  hash: string
  /** The user whose key it is; becomes `auth.subject`. */
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
  /** Announces on every answer that keys are going away. Default: no announcement. */
  deprecation?: Deprecation
  /** How long a key found may be used before it is looked up again, in seconds, 0–3600. Default 60. */
  ttl?: number
}

/**
 * When API keys are deprecated and end, for the headers `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and
 * `Link`.
 */
export interface Deprecation {
  /** Since when, in seconds since the epoch. */
  since: number
  /**
   * When keys stop working, in seconds since the epoch. From then on they are refused. Default: not
   * announced.
   */
  sunset?: number
  /** The URL of a page about how to move to OAuth. Default: none. */
  documentation?: string
}

/**
 * Accepts API keys beside OAuth, on the way from one to the other:
 * `authorizationServers: [as, apiKeyVerifier({ … })]`.
 *
 * Only hashes are kept. Keys must be random: make them with {@link createApiKey}. An unknown or expired key
 * is `invalid_token`.
 *
 * @see [RFC 9745](https://www.rfc-editor.org/rfc/rfc9745)
 */
export function apiKeyVerifier(options: ApiKeyOptions): AuthorizationServer {
  const { keys, prefix, issuer, deprecation, ttl } = readOptions('apiKeyVerifier', options, {
    keys: either(list(object(apiKeyTable)), func('a function (hash) => key')).required as Option<
      ApiKeyOptions['keys']
    >,
    prefix: text(
      '2 to 32 letters, digits, "_" or "-", for example "notes_"',
      /^[A-Za-z0-9][A-Za-z0-9_-]{1,31}$/,
    ).required,
    issuer: text().default('urn:tollgate:api-keys'),
    deprecation: object({
      since: time.required,
      sunset: time,
      documentation: url(),
    }) as OptionalOption<Deprecation>,
    ttl: seconds({ min: 0, max: 3600 }).default(60),
  })
  const find = typeof keys === 'function' ? keys : byHash(keys)
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
          // A lookup that ignores its argument would accept every key.
          if (!key || !constantTimeEqual(key.hash, hash))
            throw new InvalidTokenError('The API key is not known')
          return accepted(key, { issuer, clock, ttl, responseHeaders, sunset: deprecation?.sunset })
        },
      }
    },
  }
}

/**
 * A new key (200 random bits behind the prefix) and the hash to keep. The key itself is shown once and stored
 * nowhere.
 */
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
    // AuthInfo needs an expiry; a key without one is valid for an hour from each lookup.
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
    return await callPartWithin('apiKeyVerifier.keys', () => find(hash))
  } catch (cause) {
    throw isOAuthError(cause)
      ? cause
      : attribute(
          new UnavailableError('The API keys are out of reach', { cause }),
          'apiKeyVerifier.keys',
          cause,
        )
  }
}

const time = matching<number>('a number of seconds since the epoch', Number.isFinite)
const hashOf = 'what hashApiKey() makes of a key, never the key itself'

const apiKeyTable = {
  // The message shows no value: it may be the key itself.
  hash: custom(hashOf, (value, name) => {
    if (typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value)) return value
    throw secretError(name, hashOf, value)
  }).required,
  subject: text('the user whose key it is').required,
  scopes: list(matching<string>('a scope', (value) => typeof value === 'string' && isScopeToken(value)))
    .required,
  clientId: text(),
  expiresAt: time,
  props: (value: unknown) => value,
}

function byHash(keys: readonly ApiKey[]): (hash: string) => ApiKey | undefined {
  const found = new Map<string, ApiKey>()
  for (const [i, key] of keys.entries()) {
    if (found.has(key.hash))
      throw new ConfigurationError(
        `keys[${i}].hash`,
        'must be the hash of one key; another entry has the same',
      )
    found.set(key.hash, key)
  }
  return (hash) => found.get(hash)
}

function deprecationHeaders({ since, sunset, documentation }: Deprecation): Record<string, string> {
  if (sunset !== undefined && sunset < since)
    throw optionError('deprecation.sunset', 'not before deprecation.since (RFC 9745 §4)', sunset)
  return {
    Deprecation: `@${Math.floor(since)}`,
    ...(sunset === undefined ? {} : { Sunset: new Date(sunset * 1000).toUTCString() }),
    ...(documentation === undefined
      ? {}
      : { Link: `<${new URL(documentation).href}>; rel="deprecation"; type="text/html"` }),
  }
}
