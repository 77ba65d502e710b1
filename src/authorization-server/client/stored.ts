import { OAuthError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { storedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import { randomToken } from '../../lib/random.ts'
import type { ClientMetadata } from '../../protocol/client-metadata.ts'
import { update } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import { createClient } from './client.ts'
import type { ClientSource } from './directory.ts'
import type { Client } from '../context.ts'
import { isSelfContained, storedPrefix } from './ids.ts'
import type { Register } from './registration.ts'
import type { RecordStore } from '../scoped-store.ts'
import { hasHash, hashSecret } from './secret.ts'
import type { Quota } from './stored-quota.ts'

/** A client as it is stored, with the hash of its secret. */
interface StoredClient {
  /** `preregistered`: the application has put it there. */
  kind: 'preregistered' | 'registered'
  metadata: ClientMetadata
  secret?: string
  /** The secret may be sent in the header or in the body. */
  either?: true
  /** Seconds since the epoch. */
  created: number
}

const codec = storedCodec<StoredClient>('client', {
  kind: 'string',
  metadata: 'object',
  secret: 'string?',
  either: 'true?',
  created: 'number',
})

export interface StoredClients {
  readonly find: ClientSource
  /**
   * A new client with a random id. Rejects with 429 above the quota and with `invalid_client_metadata` above
   * 8 kB.
   */
  readonly register: Register
  /** Stores a client of the application, in place of the record that is there. It does not expire. */
  put(client: {
    id: string
    metadata: ClientMetadata
    secret: string | undefined
    either: boolean
  }): Promise<void>
  /**
   * Called at each approval by a user: a client that registered itself lives until 180 days after the last
   * one.
   */
  extendLife(clientId: string): Promise<void>
  /** When the record was made and when it ends, in seconds since the epoch. */
  times(clientId: string): Promise<{ created: number; expires: number | undefined } | undefined>
}

const maxRecord = 8192
const day = 86_400
/** The life of a client, in seconds: until a user approves it, and from the last approval on. */
const unapproved = day
const afterApproval = 180 * day
/** Seconds for which an isolate remembers a client. */
const fresh = 60

export function createStoredClients(store: RecordStore, quota: Quota): StoredClients {
  const { clock } = store
  const kept = new Lru<{ client: Client; until: number }>(1000)
  /**
   * Grows with each change by this process: a read that began before one must not bring the old client back.
   */
  let changes = 0

  /** Changes the record by one conditional write. `judge` returns undefined to leave it as it is. */
  const change = async (
    id: string,
    judge: (found: StoreRecord | undefined) => { value: string; expiresAt?: number } | undefined,
  ): Promise<void> => {
    await update<void>(store, await clientKey(id), (found) => ({ write: judge(found), result: undefined }))
    changes++
    kept.delete(id)
  }

  /** A damaged record reads as absent, with an event. */
  const decode = (id: string, found: StoreRecord): StoredClient | undefined => {
    const record = codec.decode(found.value)
    if (record === undefined) store.reportDamage(codec.kind, { clientId: id })
    return record
  }

  return {
    async find(id) {
      if (isSelfContained(id)) return undefined
      const known = kept.get(id)
      if (known !== undefined && known.until > clock()) return known.client
      const before = changes
      const until = clock() + fresh
      const found = await store.get(await clientKey(id))
      if (found === undefined) return undefined
      const record = decode(id, found)
      if (record === undefined) return undefined
      const client = await opened(id, record)
      if (changes === before) kept.set(id, { client, until: Math.min(until, found.expiresAt ?? Infinity) })
      return client
    },

    async register(metadata, request) {
      const secret = metadata.token_endpoint_auth_method === 'none' ? undefined : randomToken(32)
      const record: StoredClient = {
        kind: 'registered',
        metadata,
        ...defined({ secret: secret && (await hashSecret(secret)) }),
        created: clock(),
      }
      const value = codec.encode(record)
      if (utf8(value).length > maxRecord)
        throw new OAuthError('invalid_client_metadata', 'The metadata is too long')
      await quota.take(request)
      const id = storedPrefix + randomToken()
      await change(id, () => ({ value, expiresAt: clock() + unapproved }))
      return { client: { ...metadata, client_id: id }, secret }
    },

    async put({ id, metadata, secret, either }) {
      const record: StoredClient = {
        kind: 'preregistered',
        metadata,
        ...defined({ secret: secret && (await hashSecret(secret)) }),
        ...(either ? { either } : {}),
        created: clock(),
      }
      await change(id, () => ({ value: codec.encode(record) }))
    },

    async extendLife(id) {
      if (!id.startsWith(storedPrefix)) return
      const expiresAt = clock() + afterApproval
      // At most one write per client and day.
      await change(id, (found) =>
        found?.expiresAt === undefined || found.expiresAt > expiresAt - day
          ? undefined
          : { value: found.value, expiresAt },
      )
    },

    async times(id) {
      const found = isSelfContained(id) ? undefined : await store.get(await clientKey(id))
      const record = found && decode(id, found)
      return record && { created: record.created, expires: found!.expiresAt }
    },
  }
}

const clientKey = async (id: string): Promise<string> => `c${await sha256(id, 'client')}:client`

async function opened(id: string, { kind, metadata, secret, either }: StoredClient): Promise<Client> {
  return {
    ...createClient(id, kind, metadata, await sha256(JSON.stringify([id, metadata]), 'client')),
    ...(either === true ? { eitherSecretMethod: true } : {}),
    checkSecret: async (given) => secret !== undefined && hasHash(given, [secret]),
  }
}
