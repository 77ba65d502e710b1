import { OAuthError } from '../../errors.ts'
import { isLoopbackRedirect } from '../../protocol/redirect-uri.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { ClientContext } from '../context.ts'
import { registeredMethod } from './client-auth.ts'
import { refused } from '../errors.ts'
import { carrier, outgoing } from '../outgoing.ts'
import type { RegistrationRecord, ServerRecord } from '../storage/records.ts'
import { positiveNumberOf, successBody, textOf } from '../tokens/token-answer.ts'

/**
 * Dynamic registration (RFC 7591), with the application type (SEP-837) and the grant types that we use (SEP-2207). `scopes` are sets to
 * register, the best one first: servers that bind a client to its registered scopes refuse to be asked for others later, and
 * servers that do not know one of the scopes refuse the registration. Then the next set is tried, at last none.
 */
export async function register(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  redirectUri: string,
  scopes: readonly (readonly string[])[],
): Promise<RegistrationRecord> {
  const tries = new Set(scopes.filter((set) => set.length > 0).map(formatScope))
  for (const scope of tries) {
    try {
      const record = await registerWith(context, server, found, redirectUri, scope)
      return { ...record, scopes: scope.split(' ') }
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status !== 400) throw error
      context.runtime.event({
        type: 'client.registration-refused',
        level: 'warning',
        issuer: found.issuer,
        error: error.code,
        detail: error.message,
      })
    }
  }
  const record = await registerWith(context, server, found, redirectUri, undefined)
  // A server that has just refused scopes will do so the next time.
  return tries.size === 0 ? { ...record, scopes: [] } : record
}

async function registerWith(
  context: ClientContext,
  server: string,
  { issuer, metadata }: ServerRecord,
  redirectUri: string,
  scope: string | undefined,
): Promise<RegistrationRecord> {
  const native = isLoopbackRedirect(redirectUri) || !redirectUri.startsWith('https:')
  const wish = {
    client_name: context.options.clientName,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: native ? 'native' : 'web',
    token_endpoint_auth_method: registeredMethod(metadata, native),
    scope,
  }
  const response = await carrier(outgoing(context, server))(metadata.registration_endpoint!, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  })
  const client = registration(issuer, await successBody(response), redirectUri)
  context.runtime.event({ type: 'client.registered', level: 'info', issuer, clientId: client.clientId })
  return client
}

/** The answer of a registration endpoint (RFC 7591 §3.2.1). Rejects with `invalid_response` if it names no client. */
export function registration(
  issuer: string,
  answer: Readonly<Record<string, unknown>>,
  redirectUri: string,
): RegistrationRecord {
  const clientId = textOf(answer['client_id'])
  if (clientId === undefined)
    throw refused('invalid_response', 'The registration endpoint answered without a client id')
  const optional = {
    clientSecret: textOf(answer['client_secret']),
    method: textOf(answer['token_endpoint_auth_method']),
    expiresAt: positiveNumberOf(answer['client_secret_expires_at']),
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { issuer, clientId, redirectUri, ...Object.fromEntries(given) }
}
