// What the benchmarks use of peers that lie in bench/node_modules only, or that have no types. So `npm run typecheck` needs nothing but
// the packages of the root: for the other peers the root has the same versions.
declare module 'mcp-handler' {
  export function withMcpAuth(
    handler: (request: Request) => Response | Promise<Response>,
    verifyToken: (request: Request, token?: string) => unknown,
    options: { required: boolean },
  ): (request: Request) => Promise<Response>
}

declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'
  export default class Provider {
    constructor(issuer: string, configuration: object)
    callback(): RequestListener
  }
}
