import { ConfigurationError } from '../errors.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { Provider, SignIn } from '../types.ts'
import { createAccess } from './access.ts'
import { beginSignIn } from './authorization-request.ts'
import { finishSignIn } from './finish.ts'
import { resolveUpstream, type UpstreamOptions } from './options.ts'
import { createRemotes } from './remote.ts'

/**
 * Users sign in at an identity provider: Google, GitHub, Microsoft Entra ID, any OpenID Connect provider.
 * Register an application there with the redirect URI `<your issuer>/authorize/callback/<name>`, where the
 * name is what tools call the provider, for example `github`. Each client is consented to before the user
 * goes there. Who signed in is `<issuer>|<subject at the provider>`; accounts are never linked by their email
 * address.
 *
 * @param provider What a preset returns, with `clientId` and, unless the client is public or authenticates
 *   otherwise, `clientSecret`.
 * @param options See {@link UpstreamOptions}; `admit` is required.
 * @throws ConfigurationError for a wrong option, a provider that users cannot sign in at, a missing client.
 *
 * @example
 * const signIn = upstream(github({ clientId, clientSecret }), {
 *   admit: (user) => user.claims.login === 'octocat',
 * })
 *
 * @see [OpenID Connect Core §3.1](https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth)
 */
export function upstream(provider: Provider, options: UpstreamOptions): SignIn {
  const resolved = resolveUpstream(provider, options)
  const remoteOf = createRemotes(resolved)
  return {
    consent: 'before',
    name: resolved.name,
    identify: () => undefined,
    start: (_request, flow) => beginSignIn(remoteOf(flow.leg.runtime), flow),
    finish: (request, leg) => finishSignIn(remoteOf(leg.runtime), request, leg),
    callbacks: [{ provider: resolved.toolName, issuer: provider.issuer, clientId: resolved.clientId }],
    ...(resolved.keepTokens ? { upstreams: [createAccess(resolved, remoteOf)] } : {}),
    check(issuer) {
      const isHere = (url: string): boolean => isLoopbackHost(new URL(url).hostname)
      if (isHere(provider.issuer) && !isHere(issuer))
        throw new ConfigurationError(
          'signIn',
          `must be a provider that users can reach, because the issuer is not on a loopback address; got ` +
            provider.issuer,
        )
    },
  }
}
