import { storedCodec } from '../../lib/codec.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { update } from '../../store/update.ts'
import type { Awaitable } from '../../types.ts'
import type { Client, ClientDirectory, FindOptions } from '../context.ts'
import type { RecordStore } from '../scoped-store.ts'

/** Finds clients of one kind. Undefined: the id is not of this kind, or there is no such client. */
export type ClientSource = (clientId: string, how?: FindOptions) => Promise<Client | undefined>

/** Seconds for which an isolate remembers whether a client is blocked. */
const blockFresh = 60

/** Says that a client is blocked. The hash of its id is part of the key, so the record has no fields. */
const codec = storedCodec<object>('block', {})

/**
 * Finds clients: pre-registered ones first, so that no other client can take their ids; then in the other
 * sources, in order.
 */
export function createClients(
  preregistered: ReadonlyMap<string, Client>,
  sources: readonly ClientSource[],
  extendLife: ClientDirectory['extendLife'],
  store: RecordStore,
  runtime: ResolvedRuntime,
): ClientDirectory {
  const blocks = new Lru<{ blocked: boolean; until: number }>(10_000)
  const isBlocked = (clientId: string): Awaitable<boolean> => {
    const known = blocks.get(clientId)
    return known !== undefined && known.until > store.clock() ? known.blocked : askWhetherBlocked(clientId)
  }
  const askWhetherBlocked = async (clientId: string): Promise<boolean> => {
    const until = store.clock() + blockFresh
    const found = await store.get(await blockKey(clientId))
    // A damaged record blocks the client as well.
    if (found !== undefined && codec.decode(found.value) === undefined)
      store.reportDamage(codec.kind, { clientId })
    // A read that began before `block()` does not undo it. A block is never lifted.
    const blocked = found !== undefined || blocks.peek(clientId)?.blocked === true
    blocks.set(clientId, { blocked, until })
    return blocked
  }
  const lookUp = async (clientId: string, how?: FindOptions): Promise<Client | undefined> => {
    const configured = preregistered.get(clientId)
    if (configured !== undefined) return configured
    for (const source of sources) {
      const client = await source(clientId, how)
      if (client !== undefined) return client
    }
    return undefined
  }
  return {
    preregistered,
    lookUp,
    isBlocked,
    extendLife,
    async find(clientId, how) {
      const client = await lookUp(clientId, how)
      return client === undefined || (await isBlocked(clientId)) ? undefined : client
    },
    async block(clientId) {
      const key = await blockKey(clientId)
      await update<void>(store, key, (found) => ({
        write: found === undefined ? { value: codec.encode({}) } : undefined,
        result: undefined,
      }))
      blocks.set(clientId, { blocked: true, until: store.clock() + blockFresh })
      runtime.event({ type: 'client.blocked', level: 'info', clientId })
    },
  }
}

const blockKey = async (clientId: string): Promise<string> => `c${await sha256(clientId, 'client')}:block`
