import { defined } from '../../lib/defined.ts'
import type { ClientAuth } from 'oauth4webapi'
import { isOAuthError, isUnavailableError } from '../../errors.ts'
import { optionalText, serverError } from '../../http/answers.ts'
import { clientAuth, type ClientCredentials } from '../../http/client-auth.ts'
import type { Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { findPreregistered } from '../discovery/preregistered.ts'
import { readRecord, registrationRecord, saveRecord, type RegistrationRecord } from '../records.ts'
import { includesAll, resourceScopes } from '../scopes.ts'
import { usesDocument } from './issuer-redirect.ts'
import { register } from './registration.ts'
import { recordKeys } from '../record-keys.ts'

/** The client at one authorization server. */
export interface ClientIdentity {
  clientId: string
  auth: ClientAuth
}

/**
 * Finds the client's identity at this issuer, in the order of MCP (Client Registration Approaches):
 * registered by hand, our metadata document, registered there before, dynamic registration, asking the user.
 * An identity of one issuer is never used at another.
 */
export async function identify(
  connection: Connection,
  redirectUri: string | undefined,
  scopes: readonly string[] = [],
): Promise<ClientIdentity> {
  const { context, server, found } = connection
  const { issuer } = found
  const entry = findPreregistered(context, server, issuer)
  if (entry !== undefined) return toIdentity(connection, entry)
  if (usesDocument(connection))
    return toIdentity(connection, { clientId: context.options.clientMetadataUrl! })
  const key = await recordKeys.registration(issuer)
  // One registration for parallel first calls, in this process and in others.
  const record = await context.storage.exclusively(key, async () => {
    const known = await readRecord(context, registrationRecord, key)
    const usable = known !== undefined && isUsable(known, issuer, redirectUri, context.runtime.clock())
    if (usable && allowsScopes(known, scopes)) return known
    const union = new Set([...((usable && known.scopes) || []), ...resourceScopes(found), ...scopes])
    const fresh = await registerOrAsk(connection, redirectUri, [[...union], scopes]).catch(
      (error: unknown) => {
        // The server may not check the registered scopes.
        if (usable) return known
        throw error
      },
    )
    if (fresh === known) return known
    await saveRecord(context, registrationRecord, key, fresh)
    const ownKey = await recordKeys.registration(issuer, fresh.clientId)
    await saveRecord(context, registrationRecord, ownKey, fresh)
    return fresh
  })
  return toIdentity(connection, toRegisteredClient(record))
}

/** The identity that these tokens were issued to; undefined if it is not known any more. */
export async function findIdentity(
  connection: Connection,
  clientId: string,
): Promise<ClientIdentity | undefined> {
  const { context, found } = connection
  const { clients, clientMetadataUrl } = context.options
  const entry = clients.find((client) => client.issuer === found.issuer && client.clientId === clientId)
  if (entry !== undefined) return toIdentity(connection, entry)
  if (clientId === clientMetadataUrl) return toIdentity(connection, { clientId })
  for (const id of [clientId, undefined]) {
    const key = await recordKeys.registration(found.issuer, id)
    const record = await readRecord(context, registrationRecord, key)
    if (record?.issuer === found.issuer && record.clientId === clientId)
      return toIdentity(connection, toRegisteredClient(record))
  }
  return undefined
}

/**
 * After the server does not know the client any more: the next authorization registers again. A newer
 * registration stays.
 */
export async function forgetRegistration(
  context: ClientContext,
  issuer: string,
  clientId: string,
): Promise<void> {
  const latest = await recordKeys.registration(issuer)
  await context.storage.delete(await recordKeys.registration(issuer, clientId))
  const record = await readRecord(context, registrationRecord, latest)
  if (record?.clientId === clientId) await context.storage.delete(latest)
}

/** After the server refuses the scopes: a registration that names none, perhaps an older one, is replaced. */
export async function forgetUnscopedRegistration(
  context: ClientContext,
  issuer: string,
  clientId: string,
): Promise<void> {
  const key = await recordKeys.registration(issuer, clientId)
  const record = await readRecord(context, registrationRecord, key)
  if (record?.redirectUri !== undefined && record.scopes === undefined)
    await forgetRegistration(context, issuer, clientId)
}

/** Whether the server says that it does not know the client (RFC 6749 §5.2). */
export const isUnknownClient = (error: unknown): boolean =>
  isOAuthError(error) && (error.code === 'invalid_client' || error.code === 'unauthorized_client')

/** A client and what it authenticates with. */
export type KnownClient = { clientId: string } & ClientCredentials

export const toRegisteredClient = ({ method, ...record }: RegistrationRecord): KnownClient => ({
  ...record,
  authMethod: method,
})

const toIdentity = ({ context, found }: Connection, client: KnownClient): ClientIdentity => ({
  clientId: client.clientId,
  auth: clientAuth(client, found.metadata, context.runtime.clock),
})

const isUsable = (
  record: RegistrationRecord,
  issuer: string,
  redirectUri: string | undefined,
  now: number,
): boolean =>
  record.issuer === issuer &&
  (record.redirectUri === undefined || record.redirectUri === redirectUri) &&
  !hasExpired(record, now)

/** Whether the client's secret has expired, and the registration with it. */
export const hasExpired = ({ expiresAt }: RegistrationRecord, now: number): boolean =>
  expiresAt !== undefined && expiresAt <= now

/** Whether these scopes may be requested, as far as the registration says. */
const allowsScopes = ({ scopes }: RegistrationRecord, wanted: readonly string[]): boolean =>
  scopes === undefined || includesAll(scopes, wanted)

async function registerOrAsk(
  connection: Connection,
  redirectUri: string | undefined,
  scopes: readonly (readonly string[])[],
): Promise<RegistrationRecord> {
  const { askForClient } = connection.context.options
  const { issuer, metadata } = connection.found
  if (metadata.registration_endpoint !== undefined && redirectUri !== undefined) {
    try {
      return await register(connection, redirectUri, scopes)
    } catch (error) {
      // Some registration endpoints are not open to all.
      if (askForClient === undefined || isUnavailableError(error)) throw error
    }
  }
  const answer = await askForClient?.(issuer, { redirectUri })
  const clientId = optionalText(answer?.clientId)
  const clientSecret = optionalText(answer?.clientSecret)
  if (clientId === undefined)
    throw serverError(
      'registration_unavailable',
      `${issuer} offers no registration for this client; register it by hand and pass it in "clients"`,
    )
  return defined({ issuer, clientId, clientSecret })
}
