import { connect, type Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import {
  readRecord,
  saveRecord,
  serverRecord,
  tokenIndexRecord,
  type ServerRecord,
  type TokenIndexRecord,
} from '../records.ts'
import { recordKeys } from '../record-keys.ts'

/** How many token records one server can have: one for each issuer and resource that it ever named. */
const maxTokens = 20

/**
 * Notes under the server's URL and under its resource identifier where its tokens are stored and who issued
 * them. Signing out reads this index: the server's metadata may say something else by then.
 */
export async function indexTokens({ context, server, found, tokenKey }: Connection): Promise<void> {
  for (const url of new Set([server, found.resource ?? server])) {
    const key = await recordKeys.tokenIndex(url, context.options.subject)
    const readIndex = async (): Promise<TokenIndexRecord['tokens']> =>
      (await readRecord(context, tokenIndexRecord, key))?.tokens ?? []
    const isListed = (each: TokenIndexRecord['tokens'][number]): boolean =>
      each.at === tokenKey && hasSameEndpoints(each.found, found)
    // The usual case, a renewal, takes no lock.
    if ((await readIndex()).some(isListed)) continue
    await context.storage.exclusively(key, async () => {
      const all = [...(await readIndex()).filter((each) => each.at !== tokenKey), { at: tokenKey, found }]
      for (const { at: oldest } of all.splice(0, all.length - maxTokens)) await context.storage.delete(oldest)
      await saveRecord(context, tokenIndexRecord, key, { tokens: all })
    })
  }
}

const hasSameEndpoints = (a: ServerRecord, b: ServerRecord): boolean =>
  a.metadata.revocation_endpoint === b.metadata.revocation_endpoint &&
  a.metadata.token_endpoint === b.metadata.token_endpoint

/**
 * A connection for each authorization server that may have issued tokens for this server. Undefined: unknown
 * URL.
 */
export async function findIssuers(
  context: ClientContext,
  server: string,
): Promise<readonly Connection[] | undefined> {
  const index = await readRecord(
    context,
    tokenIndexRecord,
    await recordKeys.tokenIndex(server, context.options.subject),
  )
  const found = await readRecord(context, serverRecord, await recordKeys.server(server))
  if (index === undefined && found === undefined) return undefined
  const connections = new Map<string, Connection>()
  if (found !== undefined) {
    const connection = await connect(context, server, found)
    connections.set(connection.tokenKey, connection)
  }
  // The resource of a listed entry may have been another one, so its own key counts.
  for (const { at, found: issued } of index?.tokens ?? [])
    connections.set(at, { ...(await connect(context, server, issued)), tokenKey: at })
  return [...connections.values()]
}
