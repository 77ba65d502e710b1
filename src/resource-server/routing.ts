import { ConfigurationError, InvalidTokenError } from '../errors.ts'
import type { AuthorizationServer, TokenVerifier } from '../types.ts'

/**
 * Several kinds of tokens of one issuer, for example JWTs and opaque ones: the first verifier that takes the token's shape judges it, alone.
 *
 * @throws ConfigurationError where there is none, or where they are of several issuers (those stand side by side in `authorizationServers`).
 */
export function firstOf(...servers: readonly AuthorizationServer[]): AuthorizationServer {
  const [first] = servers
  if (first === undefined) throw new ConfigurationError('firstOf', 'pass at least one verifier')
  const other = servers.find(({ issuer }) => issuer !== first.issuer)
  if (other !== undefined)
    throw new ConfigurationError(
      'firstOf',
      `${other.issuer} is another issuer; list both in authorizationServers`,
    )
  checkSigning('firstOf', servers)
  const signing = servers.find((each) => each.signing !== undefined)?.signing
  return {
    issuer: first.issuer,
    ...(signing === undefined ? {} : { signing }),
    listed: servers.some(({ listed }) => listed !== false),
    verifier: (resource, runtime) => route(servers.map((server) => server.verifier(resource, runtime))),
  }
}

/** Where an issuer's tokens might be signed with a secret or with keys, one could be taken for the other (RFC 8725 §2.1, §3.1). */
export function checkSigning(option: string, servers: readonly AuthorizationServer[]): void {
  for (const { issuer, signing } of servers)
    if (signing === 'secret' && servers.some((each) => each.issuer === issuer && each.signing === 'keys'))
      throw new ConfigurationError(option, `${issuer} signs with a secret or with keys, never with both`)
}

/** One verifier of several: the token's shape says who judges it, and nobody is asked after him. */
export function route(verifiers: readonly TokenVerifier[]): TokenVerifier {
  if (verifiers.length === 1) return verifiers[0]!
  const find = (token: string): TokenVerifier | undefined =>
    verifiers.find((each) => each.accepts?.(token) ?? true)
  return {
    accepts: (token) => find(token) !== undefined,
    async verify(token) {
      const verifier = find(token)
      if (verifier !== undefined) return verifier.verify(token)
      throw new InvalidTokenError('Nobody issues such tokens for this resource')
    },
  }
}
