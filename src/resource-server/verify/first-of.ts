import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { AuthorizationServer, TokenVerifier, UnverifiedJws } from '../../types.ts'

/**
 * Several kinds of tokens of one issuer, for example JWTs and opaque ones: the first verifier that recognises the token judges it, with no
 * fallback; one that takes every token comes last.
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
    offeredScopes: (resource) => offeredScopes(servers, resource),
    verifier: (resource, runtime) => route(servers.map((server) => server.verifier(resource, runtime))),
  }
}

/** All that these offer for a resource; undefined if one of them does not say, because its tokens may carry anything. */
export function offeredScopes(
  servers: readonly AuthorizationServer[],
  resource: string,
): readonly string[] | undefined {
  const lists = servers.map((server) => server.offeredScopes?.(resource))
  return lists.includes(undefined) ? undefined : [...new Set((lists as string[][]).flat())]
}

/** Where an issuer's tokens might be signed with a secret or with keys, one could be taken for the other (RFC 8725 §2.1, §3.1). */
export function checkSigning(option: string, servers: readonly AuthorizationServer[]): void {
  for (const { issuer, signing } of servers)
    if (signing === 'secret' && servers.some((each) => each.issuer === issuer && each.signing === 'keys'))
      throw new ConfigurationError(option, `${issuer} signs with a secret or with keys, never with both`)
}

/**
 * One verifier of several: the first that recognises the token judges it, with no fallback. A verifier that takes whatever others do not
 * recognise comes last, wherever it is listed: introspection sends the token to its issuer, and an API key is nothing for a third party.
 */
export function route(verifiers: readonly TokenVerifier[]): TokenVerifier {
  if (verifiers.length === 1) return verifiers[0]!
  const find = (
    token: string,
    jws: UnverifiedJws | undefined,
  ): [verifier: TokenVerifier, answer: true | 'otherwise'] | undefined => {
    let otherwise: TokenVerifier | undefined
    for (const verifier of verifiers) {
      const answer = verifier.accepts?.(token, jws) ?? 'otherwise'
      if (answer === true) return [verifier, answer]
      if (answer === 'otherwise') otherwise ??= verifier
    }
    return otherwise && [otherwise, 'otherwise']
  }
  return {
    accepts: (token, parsed) => find(token, parseJws(token, parsed))?.[1] ?? false,
    async verify(token, parsed) {
      // Parsed once, for all verifiers.
      const jws = parseJws(token, parsed)
      const found = find(token, jws)
      if (found !== undefined) return found[0].verify(token, jws)
      throw new InvalidTokenError('None of the authorization servers of this resource issues such tokens')
    },
  }
}
