import { resolveRuntime } from '../lib/runtime.ts'
import type { Deployment } from '../types.ts'
import type { Settings } from './context.ts'
import type { ProtectedResource } from './guard/protected-resource.ts'
import type { ResourceServerOptions } from './types.ts'

/** What `tollgate/doctor` reads: the doctor is no part of the guard, which ships to everybody. */
export function deploymentOf(
  { resource, authorizationServers }: ResourceServerOptions,
  { resources, runtime }: Settings,
  targets: readonly ProtectedResource[],
): Deployment {
  const { fetch, clock } = resolveRuntime(runtime)
  const lists = [
    authorizationServers,
    ...[resource].flat().map((each) => typeof each === 'object' && each.authorizationServers),
  ]
  return {
    resources: resources.map(({ resource, metadataUrl, metadata, requiredScopes, servers }, i) => ({
      resource,
      metadataUrl,
      metadata,
      requiredScopes,
      ready: async () => targets[i]!.ready(),
      signedBy: Object.fromEntries(servers.map(({ issuer, signing }) => [issuer, signing])),
    })),
    bareIssuers: lists.flatMap((list) => (list || []).filter((each) => typeof each === 'string')),
    fetch,
    clock,
    dangerouslyAllowHttp: runtime.dangerouslyAllowHttp ?? [],
  }
}
