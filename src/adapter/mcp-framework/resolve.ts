import type { Client } from '../../client/index.ts'
import type { ResourceServerOptions } from '../../index.ts'
import { defined } from '../../lib/defined.ts'
import {
  clientSecret,
  func,
  list,
  matching,
  methods,
  readOptions,
  seconds,
  strings,
  text,
} from '../../lib/options.ts'
import { runtimeOptions } from '../../lib/runtime.ts'
import { resolveServers } from '../../resource-server/servers.ts'
import type { AuthorizationServer } from '../../types.ts'
import type { OAuthAuthProviderOptions, ResolvedProviderOptions } from './options.ts'
import { headerName, httpUrl, introspection, strictAudience, validation } from './rows.ts'
import { oneOfTwo, serversOf } from './servers.ts'
import { narrowed } from './verifier.ts'

/** Options of the older class. */
const mistakes = {
  jwksUri: 'validation.jwksUri',
  audience: 'validation.audience',
  issuer: 'validation.issuer',
  tokenEndpoint: 'leave it out: `client` finds it in the metadata of the authorization server',
  authorizationEndpoint: 'leave it out: `client` finds it in the metadata of the authorization server',
  supportDynamicRegistration: 'leave it out: the metadata of the authorization server says it',
  metadata: 'leave it out: the framework serves the resource and its authorization servers',
}

/** Throws ConfigurationError if an option is wrong, unknown or missing, or weakens the verification. */
export function resolveOptions(options: OAuthAuthProviderOptions): ResolvedProviderOptions {
  const read = readOptions(
    'OAuthAuthProvider',
    options,
    {
      ...runtimeOptions(),
      authorizationServers: matching<ResourceServerOptions['authorizationServers']>(
        'a list with at least one issuer URL',
        (value) => Array.isArray(value) && value.length > 0,
      ),
      authorizationServer: httpUrl(),
      resource: text(),
      resourceUri: text(),
      validation: validation(),
      introspection: introspection(),
      clientId: text(),
      clientSecret: clientSecret(),
      headerName: headerName().default('Authorization'),
      requiredScopes: strings(),
      tokenCacheTTL: seconds({ min: 0, max: 3600 }),
      strictAudienceValidation: strictAudience(),
      customValidator: func(),
      client: methods<Pick<Client, 'authorize' | 'callback'>>(
        ['authorize', 'callback'],
        'what createClient() of tollgate/client returns',
      ),
      callbackPath: text('a path such as /oauth/callback', /^\/[^?#]*$/).default('/oauth/callback'),
      allowedOrigins: matching<ResourceServerOptions['allowedOrigins'] & {}>(
        '"*" or a list of origins',
        Boolean,
      ),
      dangerouslyAllowHttp: list(text()).default([]),
    },
    mistakes,
  )
  const {
    resource: named,
    resourceUri,
    customValidator,
    tokenCacheTTL,
    requiredScopes,
    allowedOrigins,
  } = read
  const resource = oneOfTwo('resource', named, 'resourceUri', resourceUri)
  const allowHttp = read.dangerouslyAllowHttp
  const servers = serversOf(defined(read), resource)
  const isNarrowed = customValidator !== undefined || tokenCacheTTL !== undefined
  const narrow = (each: AuthorizationServer): AuthorizationServer =>
    narrowed(each, { customValidator, ttl: tokenCacheTTL ?? 300 })
  const { fetch, clock, waitUntil, onEvent, repeatedEvents, onError, clientAddress } = read
  return {
    server: {
      resource,
      authorizationServers: isNarrowed
        ? resolveServers('authorizationServers', servers, allowHttp, new Map()).map(narrow)
        : servers,
      dangerouslyAllowHttp: allowHttp,
      ...defined({ requiredScopes, allowedOrigins }),
      ...defined({ fetch, clock, waitUntil, onEvent, repeatedEvents, onError, clientAddress }),
    },
    headerName: read.headerName,
    client: read.client,
    callbackPath: read.callbackPath,
  }
}
