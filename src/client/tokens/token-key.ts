import type { ClientContext } from '../context.ts'
import { keys, type ServerRecord } from '../storage/records.ts'

/** Where the tokens for this server lie. Without a metadata document the server's URL stands for the resource. */
export const tokenKey = (context: ClientContext, server: string, found: ServerRecord): Promise<string> =>
  keys.tokens(found.issuer, found.resource ?? new URL(server).origin, context.options.subject)
