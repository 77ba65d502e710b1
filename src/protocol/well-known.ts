/**
 * The metadata URL of a protected resource: the well-known path stands before the resource's own (RFC 9728
 * §3.1).
 */
export const protectedResourceMetadataUrl = (resource: string): string =>
  inserted(resource, 'oauth-protected-resource')

/** The metadata URL at the root of the resource's host, for clients that ask there. */
export const rootProtectedResourceMetadataUrl = (resource: string): string =>
  `${new URL(resource).origin}/.well-known/oauth-protected-resource`

/**
 * Where an authorization server's metadata may be, in the order in which MCP clients ask (MCP,
 * Authorization Server Metadata Discovery).
 */
export function authorizationServerMetadataUrls(issuer: string): string[] {
  const appended = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const urls = [
    inserted(issuer, 'oauth-authorization-server'),
    inserted(issuer, 'openid-configuration'),
    appended,
  ]
  return [...new Set(urls)]
}

function inserted(identifier: string, name: string): string {
  const { origin, pathname, search } = new URL(identifier)
  return `${origin}/.well-known/${name}${pathname.replace(/\/$/, '')}${search}`
}
