import { ConfigurationError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { optionError } from '../lib/options.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import type { AuthorizationServer, Provider } from '../types.ts'
import { jwtVerifier } from './verify/jwt.ts'
import { checkSigning } from './verify/first-of.ts'

/**
 * The authorization servers of the options. At least one of them issues tokens to clients (MCP, Authorization
 * Server Location). Their issuers are https URLs (RFC 9728 §2 by way of RFC 8414 §2).
 */
export function resolveServers(
  option: string,
  value: readonly unknown[],
  allowHttp: readonly string[],
  made: Map<unknown, AuthorizationServer>,
): readonly AuthorizationServer[] {
  const servers = value.map((each, i) => {
    // The same server for all resources, so that they share its key set.
    const server = made.get(each) ?? resolveServer(`${option}[${i}]`, each, allowHttp)
    made.set(each, server)
    return server
  })
  checkSigning(option, servers)
  if (servers.every(({ listed }) => listed === false))
    throw new ConfigurationError(option, 'must list the issuer that clients get tokens from')
  return servers
}

function resolveServer(option: string, value: unknown, allowHttp: readonly string[]): AuthorizationServer {
  if (typeof value === 'string') {
    checkIssuer(option, value, allowHttp)
    return jwtVerifier({ issuer: value })
  }
  if (typeof value !== 'object' || value === null) throw optionError(option, oneServer, value)
  const server = value as Partial<AuthorizationServer & Provider>
  if (typeof server.issuer !== 'string') {
    // A URL object and a promise have no members of their own.
    if (Object.keys(server).length === 0) throw optionError(option, oneServer, value)
    throw optionError(`${option}.issuer`, 'an issuer URL', server.issuer)
  }
  if (server.listed !== false) checkIssuer(`${option}.issuer`, server.issuer, allowHttp)
  if (typeof server.verifier === 'function') return server as AuthorizationServer
  if (server.jwt !== undefined) {
    const { jwksUri } = server.jwt
    if (jwksUri !== undefined && URL.canParse(jwksUri))
      checkSecure(`${option}.jwksUri`, new URL(jwksUri), allowHttp)
    // Clients may know the issuer of these tokens by another URL, at which its metadata is corrected.
    const { issuer, offeredScopes } = server
    return { ...jwtVerifier(server.jwt), ...defined({ issuer, offeredScopes }) }
  }
  if (server.opaque !== undefined)
    throw new ConfigurationError(
      option,
      `must be introspectionVerifier(preset) of tollgate/introspection, because its tokens are opaque`,
    )
  throw optionError(option, oneServer, value)
}

const oneServer = 'an issuer URL, a preset, or what createAuthorizationServer() or a verifier returns'

function checkIssuer(option: string, issuer: string, allowHttp: readonly string[]): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || /[?#]/.test(issuer) || url.username !== '')
    throw optionError(option, 'an https URL without query and fragment', issuer)
  if (url.pathname.includes('/.well-known/'))
    throw optionError(
      option,
      'the issuer, not the address of its metadata',
      issuer,
      'Pass the "issuer" of that document',
    )
  checkSecure(option, url, allowHttp)
}

/** https, or http on this machine, or an origin that the deployment allows. */
export function checkSecure(option: string, url: URL, allowHttp: readonly string[]): void {
  if (!isSecureOrLoopback(url) && !allowHttp.includes(url.origin))
    throw optionError(
      option,
      'an https URL',
      url.href,
      `For http inside a private network: dangerouslyAllowHttp: ["${url.origin}"]`,
    )
}
