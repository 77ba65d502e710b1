import { ConfigurationError } from '../errors.ts'
import { isSecureOrLoopback } from '../protocol/resource.ts'
import type { AuthorizationServer, Provider } from '../types.ts'
import { jwtVerifier } from './verify/jwt.ts'
import { checkSigning } from './verify/first-of.ts'

/**
 * Whoever issues tokens, as verifiers. One that clients can go to at least (MCP, Authorization Server Location), with an https issuer (RFC 9728
 * §2 by way of RFC 8414 §2).
 */
export function resolveServers(
  option: string,
  value: unknown,
  allowHttp: readonly string[],
  made: Map<unknown, AuthorizationServer>,
): readonly AuthorizationServer[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new ConfigurationError(
      option,
      'pass a list with at least one issuer URL, preset or authorization server',
    )
  const servers = value.map((each: unknown, i) => {
    // The same server for all resources, so that they share its key set.
    const server = made.get(each) ?? resolveServer(`${option}[${i}]`, each, allowHttp)
    made.set(each, server)
    return server
  })
  checkSigning(option, servers)
  if (servers.every(({ listed }) => listed === false))
    throw new ConfigurationError(option, 'add the issuer that clients get tokens from')
  return servers
}

function resolveServer(option: string, value: unknown, allowHttp: readonly string[]): AuthorizationServer {
  if (typeof value === 'string') {
    checkIssuer(option, value, allowHttp)
    return jwtVerifier({ issuer: value })
  }
  if (typeof value !== 'object' || value === null) throw new ConfigurationError(option, passOne)
  const server = value as Partial<AuthorizationServer & Provider>
  if (typeof server.issuer !== 'string') throw new ConfigurationError(option, 'has no issuer')
  if (server.listed !== false) checkIssuer(`${option}.issuer`, server.issuer, allowHttp)
  if (typeof server.verifier === 'function') return server as AuthorizationServer
  if (server.jwt !== undefined) {
    const { jwksUri } = server.jwt
    if (jwksUri !== undefined && URL.canParse(jwksUri))
      checkSecure(`${option}.jwksUri`, new URL(jwksUri), allowHttp)
    return jwtVerifier(server.jwt)
  }
  if (server.opaque !== undefined)
    throw new ConfigurationError(
      option,
      `its tokens are opaque; wrap it in introspectionVerifier() of tollgate/introspection`,
    )
  throw new ConfigurationError(option, passOne)
}

const passOne = 'pass an issuer URL, a preset, or what createAuthorizationServer() or a verifier returns'

function checkIssuer(option: string, issuer: string, allowHttp: readonly string[]): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || /[?#]/.test(issuer) || url.username !== '')
    throw new ConfigurationError(option, `"${issuer}" is no https URL without query and fragment`)
  if (url.pathname.includes('/.well-known/'))
    throw new ConfigurationError(
      option,
      `"${issuer}" is the address of metadata; pass what stands there as "issuer"`,
    )
  checkSecure(option, url, allowHttp)
}

/** https, or http on this machine, or what is allowed by name. */
export function checkSecure(option: string, url: URL, allowHttp: readonly string[]): void {
  if (!isSecureOrLoopback(url) && !allowHttp.includes(url.origin))
    throw new ConfigurationError(option, `use https, or dangerouslyAllowHttp: ["${url.origin}"]`)
}
