import type { SignInRuntime, UpstreamAccess, UpstreamTokens, VaultRecord } from '../types.ts'
import { createExchange } from './exchanges.ts'
import type { Upstream } from './options.ts'
import type { Remote } from './remote.ts'
import { renewTokens } from './renew.ts'
import { mayEndOthers, revokeTokens } from './revoke.ts'
import { freshToken } from './vault.ts'

/** What the server does later with the tokens of a sign-in. */
export function createAccess(
  { provider, profile, toolName }: Upstream,
  remoteOf: (runtime: SignInRuntime) => Remote,
): UpstreamAccess {
  // Other grants of this user may need what a revocation would end, unless the preset knows better.
  const revocationEndsAll = mayEndOthers(profile)
  // Tokens go only to the provider that issued them, also if the server confuses two providers (mix-up).
  const isOwn = ({ issuer, provider: name = toolName }: UpstreamTokens): boolean =>
    issuer === provider.issuer && name === toolName
  const withOwn = (vault: VaultRecord): VaultRecord => ({
    ...vault,
    update: (judge) =>
      vault.update((entry, mayStand) => judge(entry && isOwn(entry) ? entry : undefined, mayStand)),
  })
  const access: UpstreamAccess = {
    provider: toolName,
    issuer: provider.issuer,
    revocationEndsAll,
    token(vault) {
      const remote = remoteOf(vault.runtime)
      return freshToken(
        withOwn(vault),
        (tokens) => renewTokens(remote, tokens),
        revocationEndsAll ? undefined : (tokens) => revokeTokens(remote, tokens),
      )
    },
    async revoke(tokens, runtime) {
      if (isOwn(tokens)) await revokeTokens(remoteOf(runtime), tokens)
    },
  }
  if (profile.exchange === undefined) return access
  const exchange = createExchange(profile.exchange, remoteOf)
  return {
    ...access,
    // The vault is read each time, so that a token of a grant that has ended is not exchanged.
    exchange: async (vault, target) =>
      exchange(vault.runtime, (await access.token(vault)).accessToken, target),
  }
}
