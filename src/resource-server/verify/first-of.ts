import { ConfigurationError, InvalidTokenError } from '../../errors.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { AuthorizationServer, TokenVerifier, UnverifiedJws } from '../../types.ts'

/**
 * Several kinds of tokens of one issuer, for example JWTs and opaque ones. The first verifier that recognises
 * the token decides; there is no fallback. List a verifier that takes every token last.
 *
 * @throws ConfigurationError without a verifier, or with verifiers of several issuers (list those in
 *   `authorizationServers`).
 */
export function firstOf(...servers: readonly AuthorizationServer[]): AuthorizationServer {
  const [first] = servers
  if (first === undefined) throw new ConfigurationError('firstOf', 'must get at least one verifier')
  const other = servers.find(({ issuer }) => issuer !== first.issuer)
  if (other !== undefined)
    throw new ConfigurationError(
      'firstOf',
      `must get verifiers of one issuer; ${other.issuer} is another, so list both in authorizationServers`,
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

/**
 * The scopes that these offer for a resource; undefined if one of them does not say, because its tokens may
 * carry any scope.
 */
export function offeredScopes(
  servers: readonly AuthorizationServer[],
  resource: string,
): readonly string[] | undefined {
  const lists = servers.map((server) => server.offeredScopes?.(resource))
  return lists.includes(undefined) ? undefined : [...new Set((lists as string[][]).flat())]
}

/**
 * Algorithm confusion: an issuer signs with a secret or with keys, so that a public key is never taken for a
 * secret (RFC 8725 §2.1).
 */
export function checkSigning(option: string, servers: readonly AuthorizationServer[]): void {
  for (const { issuer, signing } of servers)
    if (signing === 'secret' && servers.some((each) => each.issuer === issuer && each.signing === 'keys'))
      throw new ConfigurationError(
        option,
        `must have one kind of signature for each issuer; ${issuer} has both a secret and keys`,
      )
}

/**
 * One verifier of several: the first that recognises the token decides; there is no fallback. A verifier that
 * takes any token comes last, wherever it is listed: introspection sends the token to its issuer, and an API
 * key must not go to a third party.
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
    ready: async () => void (await Promise.all(verifiers.map((each) => each.ready?.()))),
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
