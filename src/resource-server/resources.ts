import { ConfigurationError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { optionError, rejectEmptySegment } from '../lib/options.ts'
import type { ProtectedResourceMetadata } from '../protocol/metadata.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import { canonicalResource } from '../protocol/resource.ts'
import { protectedResourceMetadataUrl, rootProtectedResourceMetadataUrl } from '../protocol/well-known.ts'
import type { AuthorizationServer } from '../types.ts'
import { offeredScopes } from './verify/first-of.ts'
import type { Resource } from './context.ts'
import { requireOffered } from './scope-options.ts'
import { checkSecure, resolveServers } from './servers.ts'
import type { ResourceOptions, ResourceServerOptions } from './types.ts'

/** The options that `resolveResources` reads, with their defaults. */
type Given = Omit<ResourceOptions, 'resource' | 'hosts' | 'path'> &
  Pick<ResourceServerOptions, 'resource' | 'authorizationServers' | 'publicUrl' | 'scopesFromClaims'> & {
    readonly dangerouslyAllowHttp: readonly string[]
  }

/** The resources of the options, in their order; those with `hosts` once for each host. */
export function resolveResources(given: Given): readonly Resource[] {
  const { resource } = given
  const several = typeof resource !== 'string'
  const list: readonly ResourceOptions[] = several ? resource : [{ resource }]
  const named = list.flatMap((own, i) => {
    const at = several ? `resource[${i}]` : 'resource'
    return identify(at, own).map((each) => ({ ...each, at, own }))
  })
  const servers = new Map<unknown, AuthorizationServer>()
  const resources = named.map(({ identifier, host, at, own }) => {
    const alone = named.filter((each) => each.host === host).length === 1
    return resolveResource(at, { identifier, host, alone }, { ...given, ...defined(own) }, given, servers)
  })
  for (const [i, { path, host, resource: name }] of resources.entries()) {
    if (resources.findIndex((each) => each.path === path && each.host === host) !== i)
      throw new ConfigurationError(
        'resource',
        `must have a path of its own for each; two have the path of ${name}`,
      )
  }
  return resources
}

interface Identity {
  identifier: string
  /** Undefined: requests for any host. */
  host: string | undefined
}

function identify(at: string, { resource, hosts, path = '/' }: ResourceOptions): Identity[] {
  if ((resource === undefined) === (hosts === undefined))
    throw new ConfigurationError(at, 'must have either `resource` or `hosts`, not both')
  if (hosts === undefined) return [{ identifier: resource!, host: undefined }]
  if (hosts.length === 0)
    throw optionError(`${at}.hosts`, 'a list of the hosts that clients may ask for', hosts)
  return hosts.map((host) => {
    const scheme = isLoopbackHost(new URL(`https://${host}`).hostname) ? 'http' : 'https'
    return { identifier: `${scheme}://${host}${path}`, host }
  })
}

function resolveResource(
  at: string,
  { identifier, host, alone }: Identity & { alone: boolean },
  own: Given,
  { publicUrl, scopesFromClaims, dangerouslyAllowHttp }: Given,
  made: Map<unknown, AuthorizationServer>,
): Resource {
  const url = checkResource(at, identifier, dangerouslyAllowHttp)
  const { requiredScopes = [] } = own
  const servers = resolveServers('authorizationServers', own.authorizationServers, dangerouslyAllowHttp, made)
  const embedded = offeredScopes(servers, identifier)
  const scopes = own.scopesSupported ?? embedded ?? requiredScopes
  // MCP, Refresh Tokens: a resource does not list offline_access.
  const supported = scopes.filter((scope) => scope !== 'offline_access')
  const firstScopes = firstScopesOf(own.firstChallengeScopes, supported, embedded !== undefined)
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
  { resourceName, documentation, policy, termsOfService }: Given,
  supported: string[],
  servers: readonly AuthorizationServer[],
): ProtectedResourceMetadata {
  const issuers = servers.filter(({ listed }) => listed !== false).map(({ issuer }) => issuer)
  return {
    resource,
    authorization_servers: [...new Set(issuers)],
    // In reverse: mcp-remote takes a step-up's union for its own default, and asks for less, if it reads like
    // this list joined.
    ...(supported.length === 0 ? {} : { scopes_supported: [...supported].reverse() }),
    bearer_methods_supported: ['header'],
    ...defined({
      resource_name: resourceName,
      resource_documentation: documentation,
      resource_policy_uri: policy,
      resource_tos_uri: termsOfService,
    }),
  }
}

/**
 * What the first challenge asks for. By default all that an embedded server offers: the user chooses on the
 * consent page.
 */
function firstScopesOf(
  value: ResourceOptions['firstChallengeScopes'],
  supported: readonly string[],
  embedded: boolean,
): readonly string[] {
  const first = value ?? (embedded ? 'offered' : 'required')
  if (first === 'offered') return supported
  return first === 'required' ? [] : first
}

/** RFC 9728 §1.2: https, no fragment. */
function checkResource(at: string, identifier: string, allowHttp: readonly string[]): URL {
  if (canonicalResource(identifier) === undefined)
    throw optionError(at, 'an absolute https URL without fragment and user information', identifier)
  const url = new URL(identifier)
  checkSecure(at, url, allowHttp)
  rejectEmptySegment(identifier, at)
  return url
}

/** The path prefix that the proxy takes off. */
function checkPublicUrl(publicUrl: string, resource: URL): string {
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined
  if (url !== undefined) rejectEmptySegment(publicUrl, 'publicUrl')
  const prefix = url === undefined ? '' : withoutSlash(url.pathname)
  const below =
    url?.origin === resource.origin && `${withoutSlash(resource.pathname)}/`.startsWith(`${prefix}/`)
  if (!below || /[?#]/.test(publicUrl))
    throw optionError('publicUrl', `a URL below which ${resource.href} lies`, publicUrl)
  return prefix
}

const withoutSlash = (pathname: string): string => pathname.replace(/\/$/, '')
