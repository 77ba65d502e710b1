// An authorization server with its guard on Node's HTTP server, for clients that want a real network.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memory, needs, notes, scopes } from '../../examples/common/notes.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import {
  createAuthorizationServer,
  type AuthorizationServerOptions,
} from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { createResourceServer } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'

export const introspectionSecret = 'a secret of the resource server, of forty'

export interface NodeServer {
  issuer: string
  resource: string
  close(): Promise<void>
}

/** Listens on a free port of this machine; any name signs in. */
export async function startNode(options: Partial<AuthorizationServerOptions> = {}): Promise<NodeServer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const resource = `${issuer}/mcp`
  const as = createAuthorizationServer({
    issuer,
    store: memoryStore(),
    resources: { [resource]: { scopes, introspectionSecret } },
    signIn: dangerouslyDevSignIn(),
    ...options,
  })
  const rs = createResourceServer({ resource, authorizationServers: [as], requiredScopes: ['notes:read'] })
  const guarded = rs.protect(notes(memory()), { operations: operationScopes(needs, { default: 'deny' }) })
  server.on(
    'request',
    toNodeHandler(async (request) => (await as.handle(request)) ?? guarded(request)),
  )
  return {
    issuer,
    resource,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
