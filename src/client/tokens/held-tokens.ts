import type { ClientContext } from '../context.ts'
import { keys, read, save, type HeldRecord, type ServerRecord } from '../storage/records.ts'
import { tokenKey } from './token-key.ts'

/** How many token records one server can have: one for each issuer and resource that it ever named. */
const maxHeld = 20

/**
 * Notes that tokens for this server lie at this key, under the server's URL and under its resource identifier. Signing out goes by
 * this note: the server's metadata may say something else by then.
 */
export async function noteTokens(
  { options: { subject }, storage }: ClientContext,
  server: string,
  found: ServerRecord,
  at: string,
): Promise<void> {
  for (const url of new Set([server, found.resource ?? server])) {
    const key = await keys.held(url, subject)
    const noted = async (): Promise<HeldRecord['tokens']> =>
      (await read<HeldRecord>(storage, key))?.tokens ?? []
    const isNoted = (each: HeldRecord['tokens'][number]): boolean =>
      each.at === at && isSame(each.found, found)
    // The usual case, a renewal, takes no lock.
    if ((await noted()).some(isNoted)) continue
    await storage.exclusively(key, async () => {
      const all = [...(await noted()).filter((each) => each.at !== at), { at, found }]
      for (const { at: oldest } of all.splice(0, all.length - maxHeld)) await storage.delete(oldest)
      await save<HeldRecord>(storage, key, { tokens: all })
    })
  }
}

const isSame = (a: ServerRecord, b: ServerRecord): boolean =>
  a.metadata.revocation_endpoint === b.metadata.revocation_endpoint &&
  a.metadata.token_endpoint === b.metadata.token_endpoint

/** Where tokens for this server may lie, with the authorization server that issued them. Undefined: the URL is unknown. */
export async function heldTokens(
  context: ClientContext,
  server: string,
): Promise<ReadonlyMap<string, ServerRecord> | undefined> {
  const { options, storage } = context
  const held = await read<HeldRecord>(storage, await keys.held(server, options.subject))
  const found = await read<ServerRecord>(storage, await keys.server(server))
  if (held === undefined && found === undefined) return undefined
  const current = found === undefined ? [] : [[await tokenKey(context, server, found), found] as const]
  const noted = (held?.tokens ?? []).map(({ at, found: issued }) => [at, issued] as const)
  return new Map([...current, ...noted])
}
