import type { AuthorizationServer, ClientAuth } from 'oauth4webapi'
import { OAuthError } from '../errors.ts'
import { assertionAuth, clientAuth } from '../http/client-auth.ts'
import type { GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { SignInRuntime } from '../types.ts'
import { createKeySet, type KeySet } from './key-set.ts'
import { createMetadata, type ProviderMetadata } from './metadata.ts'
import type { Upstream } from './options.ts'

/** The identity provider, as one server sees it. */
export interface Remote {
  readonly upstream: Upstream
  readonly runtime: SignInRuntime
  /** For all requests to it. */
  readonly outgoing: GuardedFetchOptions
  /** Rejects with UnavailableError. */
  metadata(): Promise<ProviderMetadata>
  readonly keySet: KeySet
}

/** What belongs to a server is made once for it: two servers may use one sign-in. */
export function createRemotes(upstream: Upstream): (runtime: SignInRuntime) => Remote {
  const remotes = new WeakMap<SignInRuntime, Remote>()
  return (runtime) => {
    const remote = remotes.get(runtime) ?? createRemote(upstream, runtime)
    remotes.set(runtime, remote)
    return remote
  }
}

function createRemote(upstream: Upstream, runtime: SignInRuntime): Remote {
  const { issuer, client = {} } = upstream.provider
  const named = [issuer, ...Object.values(client.endpoints ?? {}), ...(client.endpointOrigins ?? [])]
  const outgoing: GuardedFetchOptions = {
    fetch: runtime.fetch,
    // SSRF: the configuration names these origins; what a document names must be public. http only if the
    // provider itself is on this machine.
    allowLoopback: isLoopbackHost(new URL(issuer).hostname),
    allowOrigins: named.map((url) => new URL(url).origin).filter((origin) => origin.startsWith('https:')),
  }
  const metadata = createMetadata(upstream, runtime, outgoing)
  return { upstream, runtime, outgoing, metadata, keySet: createKeySet(metadata, runtime, outgoing) }
}

/** How the client authenticates at the provider. */
export function authOf({ upstream, runtime }: Remote, metadata: ProviderMetadata): ClientAuth {
  const { clientAssertion, credentials } = upstream
  if (clientAssertion !== undefined) return assertionAuth(clientAssertion)
  return clientAuth(credentials, metadata, runtime.clock)
}

/** The metadata as oauth4webapi takes it: the same members. */
export const asServer = (metadata: ProviderMetadata): AuthorizationServer => metadata as AuthorizationServer

/**
 * The provider's answer cannot be used. The log says why; the client and the browser get no text of the
 * provider. `code` is the provider's own error code. Status 502 unless told.
 */
export function refuseAnswer(
  { upstream: { provider }, runtime }: Remote,
  reason: string,
  { code, status = 502, cause }: { code?: string; status?: number; cause?: unknown } = {},
): OAuthError {
  runtime.event({
    type: 'upstream.refused',
    level: 'warning',
    issuer: provider.issuer,
    detail: reason,
    ...(code === undefined ? {} : { error: code }),
  })
  return new OAuthError('server_error', 'The sign-in at the identity provider failed', { status, cause })
}
