import type { ClientAuth } from 'oauth4webapi'
import { OAuthError, UnavailableError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { clientAuth } from './client-auth.ts'
import { entryFor } from '../discovery/entry.ts'
import { refused } from '../errors.ts'
import { usesDocument } from './issuer-redirect.ts'
import { keys, read, save, type RegistrationRecord, type ServerRecord } from '../storage/records.ts'
import { register } from './registration.ts'
import { resourceScopes } from '../scopes.ts'
import { textOf } from '../tokens/token-answer.ts'

/** Who we are at one authorization server. */
export interface ClientIdentity {
  clientId: string
  auth: ClientAuth
}

/**
 * Who we are at this issuer, in the order of MCP (Client Registration Approaches): registered by hand, by our metadata document,
 * registered there before, dynamic registration, asking the user. Nothing of one issuer is ever used at another.
 */
export async function identify(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  redirectUri: string | undefined,
  scopes: readonly string[] = [],
): Promise<ClientIdentity> {
  const { clientMetadataUrl } = context.options
  const { issuer } = found
  const byHand = entryFor(context, server, issuer)
  if (byHand !== undefined) return identity(context, found, byHand)
  if (usesDocument(context, server, found)) return identity(context, found, { clientId: clientMetadataUrl! })
  const at = await keys.registration(issuer)
  // One registration for parallel first calls, in this process and in others.
  const record = await context.storage.exclusively(at, async () => {
    const known = await read<RegistrationRecord>(context.storage, at)
    const usable = known !== undefined && fits(known, issuer, redirectUri, context.runtime.clock())
    if (usable && covered(known, scopes)) return known
    const wide = new Set([...((usable && known.scopes) || []), ...resourceScopes(found), ...scopes])
    const fresh = await enrol(context, server, found, redirectUri, [[...wide], scopes]).catch(
      (error: unknown) => {
        // The server may not care what was registered.
        if (usable) return known
        throw error
      },
    )
    if (fresh === known) return known
    await save(context.storage, at, fresh)
    await save(context.storage, await keys.registration(issuer, fresh.clientId), fresh)
    return fresh
  })
  return identity(context, found, registered(record))
}

/** Who we were when these tokens were issued; undefined where we are nobody there any more. */
export async function identityOf(
  context: ClientContext,
  found: ServerRecord,
  clientId: string,
): Promise<ClientIdentity | undefined> {
  const { clients, clientMetadataUrl } = context.options
  const byHand = clients.find((client) => client.issuer === found.issuer && client.clientId === clientId)
  if (byHand !== undefined) return identity(context, found, byHand)
  if (clientId === clientMetadataUrl) return identity(context, found, { clientId })
  for (const at of [await keys.registration(found.issuer, clientId), await keys.registration(found.issuer)]) {
    const record = await read<RegistrationRecord>(context.storage, at)
    if (record?.issuer === found.issuer && record.clientId === clientId)
      return identity(context, found, registered(record))
  }
  return undefined
}

/** The server does not know us any more: the next authorization registers again. A newer registration stays. */
export async function forget({ storage }: ClientContext, issuer: string, clientId: string): Promise<void> {
  const latest = await keys.registration(issuer)
  await storage.delete(await keys.registration(issuer, clientId))
  const record = await read<RegistrationRecord>(storage, latest)
  if (record?.clientId === clientId) await storage.delete(latest)
}

/** The server refuses the scopes, and the registration, which may be an older one, names none: the next one will. */
export async function forgetUnscoped(
  context: ClientContext,
  issuer: string,
  clientId: string,
): Promise<void> {
  const record = await read<RegistrationRecord>(context.storage, await keys.registration(issuer, clientId))
  if (record?.redirectUri !== undefined && record.scopes === undefined)
    await forget(context, issuer, clientId)
}

/** Whether the error says so (RFC 6749 §5.2). */
export const isForgotten = (error: unknown): boolean =>
  error instanceof OAuthError && (error.code === 'invalid_client' || error.code === 'unauthorized_client')

const registered = ({ method, ...record }: RegistrationRecord): Parameters<typeof identity>[2] => ({
  ...record,
  authMethod: method,
})

const identity = (
  { runtime }: ClientContext,
  { metadata }: ServerRecord,
  client: { clientId: string } & Parameters<typeof clientAuth>[0],
): ClientIdentity => ({ clientId: client.clientId, auth: clientAuth(client, metadata, runtime.clock) })

const fits = (
  record: RegistrationRecord,
  issuer: string,
  redirectUri: string | undefined,
  now: number,
): boolean =>
  record.issuer === issuer &&
  (record.redirectUri === undefined || record.redirectUri === redirectUri) &&
  (record.expiresAt === undefined || record.expiresAt > now)

/** Whether the registration lets us ask for these scopes, as far as is known. */
const covered = ({ scopes }: RegistrationRecord, wanted: readonly string[]): boolean =>
  scopes === undefined || wanted.every((scope) => scopes.includes(scope))

async function enrol(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  redirectUri: string | undefined,
  scopes: readonly (readonly string[])[],
): Promise<RegistrationRecord> {
  const { askForClient } = context.options
  const { issuer, metadata } = found
  if (metadata.registration_endpoint !== undefined && redirectUri !== undefined) {
    try {
      return await register(context, server, found, redirectUri, scopes)
    } catch (error) {
      // An endpoint that is open to some only.
      if (askForClient === undefined || error instanceof UnavailableError) throw error
    }
  }
  const answer = await askForClient?.(issuer, { redirectUri })
  const clientId = textOf(answer?.clientId)
  const clientSecret = textOf(answer?.clientSecret)
  if (clientId === undefined)
    throw refused(
      'registration_unavailable',
      `${issuer} offers no registration that this client can use; register it by hand and pass it in "clients"`,
    )
  return { issuer, clientId, ...(clientSecret === undefined ? {} : { clientSecret }) }
}
