import type { GuardedFetchOptions } from '../http/guarded-fetch.ts'
import type { ClientContext } from './context.ts'
import { outgoingOptions } from './outgoing.ts'
import { type ServerRecord } from './records.ts'
import { recordKeys } from './record-keys.ts'

/** One MCP server, and the authorization server that discovery found for it. */
export interface Connection {
  readonly context: ClientContext
  /** The URL as it is requested. */
  readonly server: string
  readonly found: ServerRecord
  /** Where the client keeps tokens: by issuer, resource and subject, so that none reaches another issuer. */
  readonly tokenKey: string
  /** Which addresses requests of this connection may go to. */
  readonly outgoing: GuardedFetchOptions
}

/** Made once per discovery. Without a metadata document the server's origin stands for the resource. */
export async function connect(
  context: ClientContext,
  server: string,
  found: ServerRecord,
): Promise<Connection> {
  const resource = found.resource ?? new URL(server).origin
  const tokenKey = await recordKeys.tokens(found.issuer, resource, context.options.subject)
  return { context, server, found, tokenKey, outgoing: outgoingOptions(context, server) }
}
