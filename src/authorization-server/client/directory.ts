import { ConfigurationError, OAuthError } from '../../errors.ts'
import { storedCodec } from '../../lib/codec.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import { requireString } from '../../lib/options.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { parseClientMetadata, type ClientMetadata } from '../../protocol/client-metadata.ts'
import { signatureAlgorithms } from '../../protocol/jws.ts'
import { update } from '../../store/update.ts'
import type { Awaitable } from '../../types.ts'
import type { Client, ClientDirectory, FindOptions } from '../context.ts'
import type { RecordStore } from '../scoped-store.ts'

/** Where a client of one kind is looked up; undefined: not one of mine. */
export type ClientSource = (clientId: string, how?: FindOptions) => Promise<Client | undefined>

/** Seconds for which an isolate remembers whether a client is blocked. */
const blockFresh = 60

/** That a client is blocked: the key says which, and the record says nothing. */
const codec = storedCodec<object>('block', {})

/** Finds clients: pre-registered ones first, so that nobody can take their ids; then the other sources in turn. */
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
    // A damaged record blocks, too.
    if (found !== undefined && codec.decode(found.value) === undefined)
      store.reportDamage(codec.kind, { clientId })
    // A read that began before `block()` ended must not undo it; a block is never lifted.
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

/** The clients of the configuration, by id. Throws ConfigurationError. */
export function preregisteredClients(clients: readonly ClientMetadata[]): ReadonlyMap<string, Client> {
  if (!Array.isArray(clients)) throw new ConfigurationError('clients', 'is a list of clients')
  const byId = new Map<string, Client>()
  for (const [i, raw] of (clients as readonly ClientMetadata[]).entries()) {
    const client = preregistered(raw, `clients[${i}]`)
    if (byId.has(client.id)) throw new ConfigurationError(`clients[${i}].client_id`, 'is listed twice')
    byId.set(client.id, client)
  }
  return byId
}

/** A client of the application's own, checked. */
export interface ConfiguredClient {
  id: string
  metadata: ClientMetadata
  secret: string | undefined
  /** It has a secret and names no method, so it may send it either way. */
  either: boolean
}

/** Its redirect URIs are the deployment's own, so any private-use scheme that is in order is meant. Throws ConfigurationError. */
export function checkConfigured(raw: ClientMetadata, where: string): ConfiguredClient {
  const id = requireString(`${where}.client_id`, raw?.client_id)
  const { client_secret: secret, token_endpoint_auth_method: method } = raw
  // A guess at a short secret needs no luck; hashing it slowly would not help at the rate a server answers (OAuth 2.1 §2.4.1).
  if (secret !== undefined && requireString(`${where}.client_secret`, secret).length < 16)
    throw new ConfigurationError(`${where}.client_secret`, 'has at least 16 random characters')
  const needsSecret = method === undefined ? secret !== undefined : method.startsWith('client_secret')
  if (needsSecret !== (secret !== undefined))
    throw new ConfigurationError(`${where}.token_endpoint_auth_method`, 'does not go with client_secret')
  let metadata: ClientMetadata
  try {
    metadata = parseClientMetadata(raw)
  } catch (error) {
    throw error instanceof OAuthError ? new ConfigurationError(where, error.message) : error
  }
  const authMethod = method ?? (secret === undefined ? 'none' : 'client_secret_basic')
  const either = method === undefined && secret !== undefined
  return { id, metadata: { ...metadata, token_endpoint_auth_method: authMethod }, secret, either }
}

function preregistered(raw: ClientMetadata, where: string): Client {
  const { id, metadata, secret, either } = checkConfigured(raw, where)
  const expected = secret === undefined ? undefined : sha256(secret, 'client-secret')
  return {
    ...clientOf(id, 'preregistered', metadata, id),
    eitherSecretMethod: either,
    checkSecret: async (given) =>
      expected !== undefined && constantTimeEqual(await sha256(given, 'client-secret'), await expected),
  }
}

/** Says what of a client's metadata was left out, so that its developer can be helped. */
export function tellDropped(
  { issuer, runtime }: { issuer: string; runtime: ResolvedRuntime },
  clientId: string,
  dropped: readonly string[],
): void {
  if (dropped.length === 0) return
  const detail = dropped.join('; ')
  runtime.event({ type: 'client.metadata-dropped', level: 'info', issuer, clientId, detail })
}

/** A client from checked metadata; without a secret, unless the caller adds one. */
export function clientOf(
  id: string,
  kind: Client['kind'],
  metadata: ClientMetadata,
  metadataHash: string,
): Client {
  const {
    client_name: name,
    application_type: applicationType,
    client_uri: clientUri,
    logo_uri: logoUri,
    jwks,
    jwks_uri: jwksUri,
    token_endpoint_auth_signing_alg: alg,
  } = metadata
  const from = jwks?.keys ?? jwksUri
  return {
    id,
    kind,
    name,
    redirectUris: metadata.redirect_uris,
    authMethod: metadata.token_endpoint_auth_method ?? 'none',
    grantTypes: metadata.grant_types ?? [],
    ...(applicationType === undefined ? {} : { applicationType }),
    ...(clientUri === undefined ? {} : { clientUri }),
    ...(logoUri === undefined ? {} : { logoUri }),
    ...(from === undefined
      ? {}
      : { keys: { from, algorithms: alg === undefined ? signatureAlgorithms : [alg] } }),
    metadataHash,
    checkSecret: async () => false,
  }
}
