import { defined } from '../lib/defined.ts'
import type { SignInRuntime, UpstreamAccess } from '../types.ts'
import type { Upstream } from './options.ts'
import type { Remote } from './remote.ts'
import { renewTokens } from './renew.ts'
import { revokeTokens } from './revoke.ts'
import { freshToken } from './vault.ts'

/** What the server does later with the tokens of a sign-in. */
export function createAccess(
  { provider, profile, toolName }: Upstream,
  remoteOf: (runtime: SignInRuntime) => Remote,
): UpstreamAccess {
  return {
    provider: toolName,
    issuer: provider.issuer,
    ...defined({ revocationEndsAll: profile.revocationEndsAll }),
    token(vault) {
      const remote = remoteOf(vault.runtime)
      return freshToken(
        vault,
        (tokens) => renewTokens(remote, tokens),
        (tokens) => revokeTokens(remote, tokens),
      )
    },
    revoke: (tokens, runtime) => revokeTokens(remoteOf(runtime), tokens),
  }
}
