import { isJsonObject } from '../lib/json.ts'
import { ConfigurationError, OAuthError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import {
  custom,
  integer,
  object,
  oneOf,
  optionError,
  rejectEmptySegment,
  strings,
  text,
  type OptionalOption,
} from '../lib/options.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import { canonicalResource } from '../protocol/resource.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Resource, ResourceRegistry } from './context.ts'
import type { ResourcePolicy } from './options.ts'

/** The resources that tokens can be for. Throws ConfigurationError. */
export function createResources(
  options: Readonly<Record<string, ResourcePolicy>>,
  defaultResource: string | undefined,
): ResourceRegistry {
  const example = "{ 'https://…/mcp': { scopes: { 'notes:read': 'Read your notes' } } }"
  if (!isJsonObject(options) || Object.keys(options).length === 0)
    throw optionError('resources', `an object such as ${example}`, options)
  const byCanonical = new Map<string, Resource>()
  for (const [identifier, each] of Object.entries(options)) {
    const resource = readResource(identifier, each)
    const canonical = canonicalResource(identifier)!
    if (byCanonical.has(canonical))
      throw new ConfigurationError(
        `resources[${JSON.stringify(identifier)}]`,
        'must be listed once; it is listed twice in another spelling',
      )
    byCanonical.set(canonical, resource)
  }
  const all = [...byCanonical.values()]
  // Most clients send it as it is configured. Then it is not parsed.
  const find = (requested: string): Resource | undefined =>
    byCanonical.get(requested) ?? byCanonical.get(canonicalResource(requested) ?? '')
  const standard =
    defaultResource === undefined ? (all.length === 1 ? all[0] : undefined) : find(defaultResource)
  if (defaultResource !== undefined && standard === undefined)
    throw optionError(
      'defaultResource',
      `one of ${all.map((each) => each.resource).join(', ')}`,
      defaultResource,
    )
  return {
    all,
    find,
    resolve(requested) {
      if (requested.length === 0) {
        if (standard === undefined) throw invalidTarget('Name the resource that the token is for')
        return [standard]
      }
      const found = requested.map((each) => find(each))
      const unknown = found.indexOf(undefined)
      if (unknown >= 0)
        throw new OAuthError('invalid_target', 'This resource is unknown here', {
          // Enumeration: of several resources, the others may be those of other tenants.
          ...(all.length === 1 ? { expected: all[0]!.resource } : {}),
          received: requested[unknown],
        })
      return [...new Set(found as Resource[])]
    },
  }
}

/** The longest lifetime of an access token, in seconds. */
export const longestLifetime = 3600

/** RFC 8707 §2. */
export const invalidTarget = (description: string): OAuthError =>
  new OAuthError('invalid_target', description)

function readResource(identifier: string, policy: ResourcePolicy): Resource {
  const option = `resources[${JSON.stringify(identifier)}]`
  if (canonicalResource(identifier) === undefined)
    throw optionError(option, 'an absolute http(s) URL without a fragment', identifier)
  if (!isSecureOrLoopback(new URL(identifier)))
    throw optionError(option, 'an https URL; http is for loopback addresses only', identifier)
  rejectEmptySegment(identifier, option)
  const { name, introspectionSecret, requiredScopes, ...rest } = resourcePolicy().required(policy, option)
  for (const scope of requiredScopes)
    if (!Object.hasOwn(rest.scopes, scope))
      throw optionError(`${option}.requiredScopes`, "a list of the resource's scopes", scope)
  const introspectionSecrets = introspectionSecret ?? []
  return { resource: identifier, ...defined({ name }), ...rest, requiredScopes, introspectionSecrets }
}

const resourcePolicy = () =>
  object({
    name: text(),
    scopes: scopeDescriptions().required,
    requiredScopes: strings().default([]),
    accessTokens: oneOf(['jwt', 'opaque']).default('jwt'),
    lifetime: integer({ min: 60, max: longestLifetime }, ' of seconds').default(900),
    introspectionSecret: introspectionSecrets(),
  })

/** Each scope with its description. */
function scopeDescriptions(): OptionalOption<Readonly<Record<string, string>>> {
  const what = "an object such as { 'notes:read': 'Read your notes' }"
  return custom(what, (value, name) => {
    if (!isJsonObject(value)) throw optionError(name, what, value)
    for (const [scope, description] of Object.entries(value)) {
      if (!isScopeToken(scope)) throw optionError(name, `${what}, with scopes as in RFC 6749 §3.3`, scope)
      text('a description for the consent page').required(description, `${name}[${JSON.stringify(scope)}]`)
    }
    return value as Readonly<Record<string, string>>
  })
}

function introspectionSecrets(): OptionalOption<readonly string[]> {
  const what = 'at least 32 characters, or a list of such secrets'
  return custom(what, (value, name) => {
    const secrets = typeof value === 'string' ? [value] : value
    if (Array.isArray(secrets) && secrets.every((each) => typeof each === 'string' && each.length >= 32))
      return secrets
    // The value is a secret, so the message does not show it.
    throw new ConfigurationError(name, `must have ${what}: openssl rand -base64 32`)
  })
}
