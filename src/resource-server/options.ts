import { ConfigurationError } from '../errors.ts'
import { authenticatedCache } from '../lib/authenticated-cache.ts'
import {
  checkOptions,
  requireFunction,
  requireInteger,
  requireSecrets,
  requireStrings,
} from '../lib/options.ts'
import { printError } from '../lib/print-error.ts'
import { Sealer } from '../lib/sealer.ts'
import { defaultMaxTokenLength } from '../protocol/bearer.ts'
import { createScopeHierarchy } from '../protocol/scope.ts'
import type { VerifierRuntime } from '../types.ts'
import { claimedScopes } from './claimed-scopes.ts'
import type { Resource, Settings } from './context.ts'
import { resolveResources } from './resources.ts'
import type { ResourceServerOptions } from './types.ts'

const runtimeOptions = ['fetch', 'clock', 'waitUntil', 'onEvent', 'onError', 'clientAddress'] as const
const runtimeNames = [...runtimeOptions, 'repeatedEvents'] as const
const known: readonly (keyof ResourceServerOptions)[] = [
  ...(['resource', 'authorizationServers', 'scopesSupported', 'requiredScopes', 'scopeImplies'] as const),
  ...(['scopesFromClaims', 'allowedOrigins', 'cache', 'cacheSecret', 'tokenCache', 'publicUrl'] as const),
  ...(['resourceName', 'firstChallengeScopes', 'documentation', 'policy', 'termsOfService'] as const),
  ...(['stripAuthorization', 'dangerouslyAllowHttp', 'maxTokenLength'] as const),
  ...runtimeNames,
]

/** Throws ConfigurationError for whatever is wrong, unknown or missing. */
export function resolveOptions(options: ResourceServerOptions): Settings {
  checkOptions('createResourceServer', options, known)
  for (const name of runtimeOptions) if (options[name] !== undefined) requireFunction(name, options[name])
  checkHttpOrigins(options.dangerouslyAllowHttp ?? [])
  const { stripAuthorization = false } = options
  if (typeof stripAuthorization !== 'boolean')
    throw new ConfigurationError('stripAuthorization', 'pass a boolean')
  const resources = resolveResources(options)
  return {
    hierarchy: createScopeHierarchy(checkImplies(options.scopeImplies ?? {})),
    claimedScopes: claimedScopes(options.scopesFromClaims),
    allowedOrigins: checkOrigins(options.allowedOrigins),
    tokenCacheSize: tokenCacheSize(options.tokenCache),
    maxTokenLength: requireInteger('maxTokenLength', options.maxTokenLength, {
      min: 1024,
      max: 65_536,
      default: defaultMaxTokenLength,
    }),
    stripAuthorization,
    runtime: verifierRuntime(options, resources),
    resources,
  }
}

function checkHttpOrigins(value: unknown): void {
  for (const origin of requireStrings('dangerouslyAllowHttp', value)) {
    if (!/^http:/i.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new ConfigurationError(
        'dangerouslyAllowHttp',
        `"${origin}" is no http origin such as http://mcp:3000, without a path`,
      )
  }
}

function checkImplies(value: unknown): Readonly<Record<string, readonly string[]>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigurationError('scopeImplies', "pass an object such as { admin: ['read'] }")
  for (const [scope, implied] of Object.entries(value)) requireStrings(`scopeImplies.${scope}`, implied)
  return value as Record<string, string[]>
}

function checkOrigins(value: ResourceServerOptions['allowedOrigins']): Settings['allowedOrigins'] {
  if (value === undefined || value === '*') return value
  for (const origin of requireStrings('allowedOrigins', value)) {
    if (!URL.canParse(origin) || serialized(new URL(origin)) !== origin)
      throw new ConfigurationError(
        'allowedOrigins',
        `"${origin}" is no origin such as https://app.example.com, without a path`,
      )
  }
  return value
}

/** An origin as browsers send it; also of schemes whose origin the URL standard calls opaque, for example extensions. */
const serialized = (url: URL): string => (url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin)

function tokenCacheSize(value: ResourceServerOptions['tokenCache']): number {
  if (value === false) return 0
  if (value === undefined) return 10_000
  checkOptions('tokenCache', value, ['size'])
  return requireInteger('tokenCache.size', value.size, { min: 1, max: 1_000_000, default: 10_000 })
}

function verifierRuntime(options: ResourceServerOptions, resources: readonly Resource[]): VerifierRuntime {
  const { cache, cacheSecret, dangerouslyAllowHttp } = options
  const methods = [cache?.get, cache?.put, cache?.delete]
  if (cache !== undefined && methods.some((method) => typeof method !== 'function'))
    throw new ConfigurationError('cache', 'pass a cache, for example memoryCache()')
  if (cacheSecret !== undefined && cache === undefined)
    throw new ConfigurationError('cacheSecret', 'authenticates the entries of a cache; pass a cache, too')
  const sealer =
    cacheSecret === undefined ? undefined : new Sealer(requireSecrets('cacheSecret', cacheSecret))
  const runtime: Record<string, unknown> = {}
  if (resources.every(({ loopback }) => loopback)) runtime['onError'] = printError
  for (const name of runtimeNames) if (options[name] !== undefined) runtime[name] = options[name]
  return {
    ...runtime,
    ...(cache === undefined ? {} : { cache }),
    ...(cache && sealer
      ? { cache: authenticatedCache(cache, sealer, 'resource-server'), cacheIsAuthenticated: true }
      : {}),
    ...(dangerouslyAllowHttp === undefined ? {} : { dangerouslyAllowHttp }),
  }
}
