import { ConfigurationError } from '../errors.ts'
import { authenticatedCache } from '../lib/authenticated-cache.ts'
import { defined } from '../lib/defined.ts'
import {
  cache,
  custom,
  either,
  flag,
  func,
  integer,
  list,
  matching,
  object,
  oneOf,
  optionError,
  readOptions,
  record,
  secrets,
  strings,
  text,
  url,
  type OptionalOption,
  type OptionalRows,
} from '../lib/options.ts'
import { printError } from '../lib/print-error.ts'
import { runtimeOptions } from '../lib/runtime.ts'
import { Sealer } from '../lib/sealer.ts'
import { defaultMaxTokenLength } from '../protocol/bearer.ts'
import { createScopeHierarchy } from '../protocol/scope.ts'
import type { VerifierRuntime } from '../types.ts'
import { readScopesFromClaims } from './claimed-scopes.ts'
import type { Resource, Settings } from './context.ts'
import { resolveResources } from './resources.ts'
import { neededScopes, scopeList } from './scope-options.ts'
import type { ResourceOptions, ResourceServerOptions } from './types.ts'

/** Wrong names that resemble no right one, and the options of other functions. */
const mistakes = {
  scopes: 'scopesSupported',
  audience: 'resource',
  clockTolerance: 'use clockSkew of jwtVerifier',
  issuer: 'authorizationServers',
  'checkRevocation store secret signIn clients registration keys lifetimes behindProxy onTokens consent':
    'it belongs to createAuthorizationServer',
  'operations maxAge acrValues': 'it belongs to the second argument of protect()',
  'jwksUri algorithms clockSkew': 'it belongs to jwtVerifier',
}

/** Throws ConfigurationError if an option is wrong, unknown or missing. */
export function resolveOptions(options: ResourceServerOptions): Settings {
  const read = readOptions(
    'createResourceServer',
    options,
    {
      resource: resources().required,
      authorizationServers: servers().required,
      ...runtimeOptions(),
      ...resourceRows(),
      scopeImplies: record(strings().required, "{ admin: ['read'] }").default({}),
      scopesFromClaims: custom(
        "an object such as { claim: { value: ['scope'] } }, or a function",
        readScopesFromClaims,
      ),
      allowedOrigins: either(oneOf(['*']), list(origin())),
      cache: cache(),
      cacheSecret: secrets(),
      tokenCache: either(
        oneOf([false]),
        object({ size: integer({ min: 1, max: 1_000_000 }).default(10_000) }),
      ).default({}),
      maxTokenLength: integer({ min: 1024, max: 65_536 }).default(defaultMaxTokenLength),
      publicUrl: text(),
      exchange: func(),
      stripAuthorization: flag().default(false),
      dangerouslyAllowHttp: list(httpOrigin()).default([]),
    },
    mistakes,
  )
  const resolved = resolveResources(defined(read))
  return {
    resources: resolved,
    hierarchy: createScopeHierarchy(read.scopeImplies),
    claimedScopes: read.scopesFromClaims,
    allowedOrigins: read.allowedOrigins,
    tokenCacheSize: read.tokenCache === false ? 0 : read.tokenCache.size,
    maxTokenLength: read.maxTokenLength,
    exchange: read.exchange,
    stripAuthorization: read.stripAuthorization,
    runtime: verifierRuntime(options, read.cacheSecret, resolved),
  }
}

/** What one of several resources can have of its own. */
const resourceRows = () =>
  ({
    scopesSupported: scopeList(),
    requiredScopes: neededScopes(),
    firstChallengeScopes: either(oneOf(['required', 'offered']), neededScopes()),
    resourceName: text(),
    documentation: webUrl(),
    policy: webUrl(),
    termsOfService: webUrl(),
  }) satisfies OptionalRows<Omit<ResourceOptions, 'resource' | 'hosts' | 'path' | 'authorizationServers'>>

const webUrl = (): OptionalOption<string> =>
  url('an absolute https URL', ({ protocol }) => /^https?:$/.test(protocol))

const servers = (): OptionalOption<ResourceServerOptions['authorizationServers']> =>
  matching(
    'a list with at least one issuer URL, preset or authorization server',
    (value) => Array.isArray(value) && value.length > 0,
  )

const resources = (): OptionalOption<ResourceServerOptions['resource']> => {
  const what = 'the URL of the MCP server, or a list of resources'
  const several = list(
    object({
      // First, because a message shows the first three names.
      resource: text(),
      hosts: list(host()),
      path: matching<string>(
        'a path such as /mcp',
        (value) => typeof value === 'string' && value.startsWith('/'),
      ),
      authorizationServers: servers(),
      ...resourceRows(),
    }),
  )
  return custom(what, (value, name) => {
    if (value === '' || (typeof value !== 'string' && !(Array.isArray(value) && value.length > 0)))
      throw optionError(name, what, value)
    return typeof value === 'string' ? value : (several.required(value, name) as readonly ResourceOptions[])
  })
}

const host = (): OptionalOption<string> =>
  matching(
    'a host in lower case, such as mcp.example.com',
    (value) =>
      typeof value === 'string' &&
      URL.canParse(`https://${value}`) &&
      new URL(`https://${value}`).host === value,
  )

const httpOrigin = (): OptionalOption<string> =>
  matching(
    'an http origin such as http://mcp:3000, without a path',
    (value) =>
      typeof value === 'string' &&
      /^http:/i.test(value) &&
      URL.canParse(value) &&
      new URL(value).origin === value,
  )

/** Also of schemes whose origin the URL standard calls opaque, for example browser extensions. */
const origin = (): OptionalOption<string> =>
  url(
    'an origin such as https://app.example.com, without a path',
    ({ origin, protocol, host }, given) => given === (origin === 'null' ? `${protocol}//${host}` : origin),
  )

function verifierRuntime(
  options: ResourceServerOptions,
  secret: readonly string[] | undefined,
  resources: readonly Resource[],
): VerifierRuntime {
  const { fetch, clock, waitUntil, onEvent, onError, clientAddress, repeatedEvents } = options
  const { cache, dangerouslyAllowHttp } = options
  if (secret !== undefined && cache === undefined)
    throw new ConfigurationError(
      'cacheSecret',
      'must come with `cache`, because it authenticates the entries of a cache',
    )
  const isDevelopment = resources.every(({ loopback }) => loopback)
  return {
    ...defined({
      fetch,
      clock,
      waitUntil,
      onEvent,
      clientAddress,
      repeatedEvents,
      cache,
      dangerouslyAllowHttp,
    }),
    ...defined({ onError: onError ?? (isDevelopment ? printError : undefined) }),
    ...(cache !== undefined && secret !== undefined
      ? {
          cache: authenticatedCache(cache, new Sealer(secret), 'resource-server'),
          cacheIsAuthenticated: true,
        }
      : {}),
  }
}
