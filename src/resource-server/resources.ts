import { ConfigurationError } from '../errors.ts'
import { checkOptions, requireString, requireStrings } from '../lib/options.ts'
import type { ProtectedResourceMetadata } from '../protocol/metadata.ts'
import { canonicalResource, isLoopbackHost } from '../protocol/resource.ts'
import { protectedResourceMetadataUrl, rootProtectedResourceMetadataUrl } from '../protocol/well-known.ts'
import type { AuthorizationServer } from '../types.ts'
import { offeredScopes } from './verify/first-of.ts'
import type { Resource } from './context.ts'
import { requireNeeded, requireOffered, requireScopes } from './scope-options.ts'
import { checkSecure, resolveServers } from './servers.ts'
import type { ResourceOptions, ResourceServerOptions } from './types.ts'

const inherited = [
  ...(['authorizationServers', 'scopesSupported', 'requiredScopes', 'resourceName'] as const),
  ...(['firstChallengeScopes', 'documentation', 'policy', 'termsOfService'] as const),
]

/** The resources of the options, in their order; those with `hosts` once for each host. */
export function resolveResources(options: ResourceServerOptions): readonly Resource[] {
  const { resource } = options
  const list: readonly ResourceOptions[] = typeof resource === 'string' ? [{ resource }] : resource
  if (!Array.isArray(list) || list.length === 0)
    throw new ConfigurationError('resource', 'pass the URL of the MCP server')
  const several = typeof resource !== 'string'
  const places = list.flatMap((each, i) => {
    const at = several ? `resource[${i}]` : 'resource'
    if (several) checkOptions(at, each, ['resource', 'hosts', 'path', ...inherited])
    return identifiers(at, each).map((place) => ({ ...place, at, own: each }))
  })
  const servers = new Map<unknown, AuthorizationServer>()
  const resources = places.map(({ identifier, host, at, own }) => {
    const alone = places.filter((each) => each.host === host).length === 1
    return resolveResource(at, { identifier, host, alone }, pick(own, options), options, servers)
  })
  for (const [i, { path, host, resource: name }] of resources.entries()) {
    if (resources.findIndex((each) => each.path === path && each.host === host) !== i)
      throw new ConfigurationError('resource', `the path of ${name} is taken; give each its own`)
  }
  return resources
}

interface Place {
  identifier: string
  host: string | undefined
}

function identifiers(at: string, { resource, hosts, path = '/' }: ResourceOptions): Place[] {
  if (hosts === undefined) return [{ identifier: requireString(at, resource), host: undefined }]
  if (resource !== undefined) throw new ConfigurationError(at, 'pass either resource or hosts, not both')
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new ConfigurationError(`${at}.path`, 'pass a path such as /mcp')
  if (requireStrings(`${at}.hosts`, hosts).length === 0)
    throw new ConfigurationError(`${at}.hosts`, 'list the hosts that may be asked for')
  return hosts.map((host) => {
    const url = URL.canParse(`https://${host}`) ? new URL(`https://${host}`) : undefined
    if (url === undefined || url.host !== host)
      throw new ConfigurationError(
        `${at}.hosts`,
        `"${host}" is no host in lower case, such as mcp.example.com`,
      )
    return { identifier: `${isLoopbackHost(url.hostname) ? 'http' : 'https'}://${host}${path}`, host }
  })
}

type Inherited = Pick<ResourceServerOptions, (typeof inherited)[number]>

const pick = (own: ResourceOptions, all: ResourceServerOptions): Inherited =>
  Object.fromEntries(inherited.map((name) => [name, own[name] ?? all[name]])) as unknown as Inherited

function resolveResource(
  at: string,
  { identifier, host, alone }: Place & { alone: boolean },
  own: Inherited,
  { publicUrl, scopesFromClaims, dangerouslyAllowHttp = [] }: ResourceServerOptions,
  made: Map<unknown, AuthorizationServer>,
): Resource {
  const url = checkResource(at, identifier, dangerouslyAllowHttp)
  const requiredScopes = requireNeeded('requiredScopes', own.requiredScopes ?? [])
  const servers = resolveServers('authorizationServers', own.authorizationServers, dangerouslyAllowHttp, made)
  const embedded = offeredScopes(servers, identifier)
  const scopes = requireScopes('scopesSupported', own.scopesSupported ?? embedded ?? requiredScopes)
  // MCP, Refresh Tokens: offline_access is not the resource's business.
  const supported = scopes.filter((scope) => scope !== 'offline_access')
  const firstScopes = resolveFirst(own.firstChallengeScopes, supported, embedded !== undefined)
  // Roles add scopes that no authorization server offers.
  const offered = scopesFromClaims === undefined ? embedded : undefined
  const place = [{ resource: identifier, offered }]
  requireOffered('requiredScopes', requiredScopes, place)
  requireOffered('scopesSupported', supported, place)
  requireOffered('firstChallengeScopes', firstScopes, place)
  const prefix = publicUrl === undefined ? '' : checkPublicUrl(publicUrl, url)
  const path = withoutSlash(url.pathname).slice(prefix.length)
  const wellKnown = new URL(protectedResourceMetadataUrl(identifier))
  const behindPrefix = `/.well-known/oauth-protected-resource${path}`
  const paths = [wellKnown.pathname, behindPrefix]
  if (alone) paths.push(new URL(rootProtectedResourceMetadataUrl(identifier)).pathname)
  return {
    resource: identifier,
    path,
    host,
    loopback: url.protocol === 'http:' && isLoopbackHost(url.hostname),
    metadataUrl: prefix === '' ? wellKnown.href : `${url.origin}${prefix}${behindPrefix}`,
    metadataPaths: [...new Set(paths)],
    metadata: metadata(identifier, own, supported, servers),
    requiredScopes,
    firstScopes,
    offered,
    servers,
  }
}

/** RFC 9728 §2. No member is ever null: the official SDK's client refuses the document then. */
function metadata(
  resource: string,
  { resourceName, documentation, policy, termsOfService }: Inherited,
  supported: string[],
  servers: readonly AuthorizationServer[],
): ProtectedResourceMetadata {
  const issuers = servers.filter(({ listed }) => listed !== false).map(({ issuer }) => issuer)
  return {
    resource,
    authorization_servers: [...new Set(issuers)],
    // Last one first: mcp-remote takes a step-up's union for its own default, and asks for less, if it reads like this list joined.
    ...(supported.length === 0 ? {} : { scopes_supported: [...supported].reverse() }),
    bearer_methods_supported: ['header'],
    ...(resourceName === undefined ? {} : { resource_name: requireString('resourceName', resourceName) }),
    ...link('documentation', 'resource_documentation', documentation),
    ...link('policy', 'resource_policy_uri', policy),
    ...link('termsOfService', 'resource_tos_uri', termsOfService),
  }
}

function link(option: string, name: string, value: string | undefined): Record<string, string> {
  if (value === undefined) return {}
  if (typeof value !== 'string' || !/^https?:\/\//i.test(value) || !URL.canParse(value))
    throw new ConfigurationError(option, 'pass an absolute https URL')
  return { [name]: value }
}

/** What the first challenge asks for. By default all that an embedded server offers: the user chooses on the consent page. */
function resolveFirst(
  value: ResourceServerOptions['firstChallengeScopes'],
  supported: readonly string[],
  embedded: boolean,
): readonly string[] {
  const first = value ?? (embedded ? 'offered' : 'required')
  if (first === 'offered') return supported
  if (first === 'required') return []
  if (!Array.isArray(first))
    throw new ConfigurationError(
      'firstChallengeScopes',
      `pass 'required', 'offered' or a list of scopes; got ${JSON.stringify(first)}`,
    )
  return requireNeeded('firstChallengeScopes', first)
}

/** RFC 9728 §1.2: https, no fragment. */
function checkResource(at: string, identifier: string, allowHttp: readonly string[]): URL {
  if (canonicalResource(identifier) === undefined)
    throw new ConfigurationError(
      at,
      `"${identifier}" is no absolute https URL without fragment and user information`,
    )
  const url = new URL(identifier)
  checkSecure(at, url, allowHttp)
  return url
}

/** The path prefix that the proxy takes off. */
function checkPublicUrl(publicUrl: string, resource: URL): string {
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined
  const prefix = url === undefined ? '' : withoutSlash(url.pathname)
  const below =
    url?.origin === resource.origin && `${withoutSlash(resource.pathname)}/`.startsWith(`${prefix}/`)
  if (!below || /[?#]/.test(publicUrl))
    throw new ConfigurationError('publicUrl', `${resource.href} must lie below it`)
  return prefix
}

const withoutSlash = (pathname: string): string => pathname.replace(/\/$/, '')
