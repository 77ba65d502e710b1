// An Express application on a free port, and a guard for its `/mcp` that knows Alice's and Bob's keys.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { createResourceServer, type ResourceServer } from '../../src/index.ts'
import { apiKeyVerifier, hashApiKey } from '../../src/resource-server/verify/api-keys.ts'

export interface ExpressApp {
  app: Express
  origin: string
  port: number
  rs: ResourceServer
}

export const alice = { authorization: 'Bearer key_alice' }
export const bob = { authorization: 'Bearer key_bob' }

const servers: Server[] = []

/** For `afterEach`. */
export function closeExpress(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
}

export async function startExpress(
  options: { deprecation?: { since: number }; expiresAt?: number } = {},
): Promise<ExpressApp> {
  const app = express()
  const server = createServer(app)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const key = async (subject: string): Promise<{ hash: string; subject: string; scopes: string[] }> => ({
    hash: await hashApiKey(`key_${subject}`),
    subject,
    scopes: ['notes:read'],
    ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
  })
  const keys = apiKeyVerifier({
    prefix: 'key_',
    keys: [await key('alice'), await key('bob')],
    ...(options.deprecation ? { deprecation: options.deprecation } : {}),
  })
  const rs = createResourceServer({
    resource: `${origin}/mcp`,
    authorizationServers: ['https://as.example.com', keys],
  })
  return { app, origin, port, rs }
}
