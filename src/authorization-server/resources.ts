import { ConfigurationError, OAuthError } from '../errors.ts'
import { checkOptions, requireInteger, requireString, requireStrings } from '../lib/options.ts'
import { canonicalResource, isSecureOrLoopback } from '../protocol/resource.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Resource, ResourceRegistry } from './context.ts'
import type { ResourcePolicy } from './options.ts'

/** The resources that tokens can be for. Throws ConfigurationError. */
export function createResources(
  options: Readonly<Record<string, ResourcePolicy>>,
  defaultResource: string | undefined,
): ResourceRegistry {
  requireNamed('resources', options, "{ 'https://…/mcp': { scopes: { 'notes:read': 'Read your notes' } } }")
  const byCanonical = new Map<string, Resource>()
  for (const [identifier, each] of Object.entries(options)) {
    const resource = resourceOf(identifier, each)
    const canonical = canonicalResource(identifier)!
    if (byCanonical.has(canonical))
      throw new ConfigurationError(`resources[${JSON.stringify(identifier)}]`, 'is listed twice')
    byCanonical.set(canonical, resource)
  }
  const all = [...byCanonical.values()]
  if (all.length === 0) throw new ConfigurationError('resources', 'list at least one')
  // Most write it as it is; then nothing has to be parsed.
  const find = (requested: string): Resource | undefined =>
    byCanonical.get(requested) ?? byCanonical.get(canonicalResource(requested) ?? '')
  const standard =
    defaultResource === undefined ? (all.length === 1 ? all[0] : undefined) : find(defaultResource)
  if (defaultResource !== undefined && standard === undefined)
    throw new ConfigurationError('defaultResource', 'is not one of the resources')
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
          // Of several, the others may be other tenants'.
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

function resourceOf(identifier: string, options: ResourcePolicy): Resource {
  const where = `resources[${JSON.stringify(identifier)}]`
  if (canonicalResource(identifier) === undefined)
    throw new ConfigurationError(where, 'is no absolute http(s) URL without fragment')
  if (!isSecureOrLoopback(new URL(identifier)))
    throw new ConfigurationError(where, 'must be https; http is for a loopback address alone')
  checkOptions(where, options, [
    'name',
    'scopes',
    'requiredScopes',
    'accessTokens',
    'lifetime',
    'introspectionSecret',
  ])
  requireNamed(`${where}.scopes`, options.scopes, "{ 'notes:read': 'Read your notes' }")
  for (const [scope, description] of Object.entries(options.scopes)) {
    if (!isScopeToken(scope))
      throw new ConfigurationError(`${where}.scopes`, `"${scope}" is no scope (RFC 6749 §3.3)`)
    requireString(`${where}.scopes[${JSON.stringify(scope)}]`, description)
  }
  const requiredScopes = requireStrings(`${where}.requiredScopes`, options.requiredScopes ?? [])
  for (const scope of requiredScopes)
    if (!Object.hasOwn(options.scopes, scope))
      throw new ConfigurationError(
        `${where}.requiredScopes`,
        `"${scope}" is not one of the resource's scopes`,
      )
  const { accessTokens = 'jwt' } = options
  if (accessTokens !== 'jwt' && accessTokens !== 'opaque')
    throw new ConfigurationError(`${where}.accessTokens`, 'is "jwt" or "opaque"')
  return {
    resource: identifier,
    ...(options.name === undefined ? {} : { name: requireString(`${where}.name`, options.name) }),
    scopes: options.scopes,
    requiredScopes,
    accessTokens,
    lifetime: requireInteger(`${where}.lifetime`, options.lifetime, {
      min: 60,
      max: longestLifetime,
      default: 900,
    }),
    introspectionSecrets: introspectionSecrets(`${where}.introspectionSecret`, options.introspectionSecret),
  }
}

function introspectionSecrets(
  where: string,
  value: ResourcePolicy['introspectionSecret'] = [],
): readonly string[] {
  const secrets = requireStrings(where, typeof value === 'string' ? [value] : value)
  if (secrets.some((each) => each.length < 32))
    throw new ConfigurationError(where, 'each has at least 32 characters')
  return secrets
}

/** What is listed by its name: in a list, nothing would say what belongs to which. */
function requireNamed(option: string, value: unknown, example: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigurationError(option, `pass an object by name: ${example}`)
}
