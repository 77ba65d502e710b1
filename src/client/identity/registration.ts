import { defined } from '../../lib/defined.ts'
import { isOAuthError } from '../../errors.ts'
import { optionalPositiveNumber, optionalText, readAnswer, serverError } from '../../http/answers.ts'
import type { AuthMethod } from '../../http/client-auth.ts'
import { createOAuthFetch } from '../../http/oauth-fetch.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { isLoopbackRedirect } from '../../protocol/redirect-uri.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { Connection } from '../connection.ts'
import type { RegistrationRecord } from '../records.ts'

/**
 * Dynamic registration (RFC 7591), with the application type (SEP-837) and the grant types that we use
 * (SEP-2207). `scopes` are sets to register, the best one first: some servers later refuse scopes that were
 * not registered, and some refuse a registration with a scope that they do not know. Then the next set is
 * tried, at last none.
 */
export async function register(
  connection: Connection,
  redirectUri: string,
  scopes: readonly (readonly string[])[],
): Promise<RegistrationRecord> {
  const tries = new Set(scopes.filter((set) => set.length > 0).map(formatScope))
  for (const scope of tries) {
    try {
      const record = await registerWith(connection, redirectUri, scope)
      return { ...record, scopes: scope.split(' ') }
    } catch (error) {
      if (!isOAuthError(error) || error.status !== 400) throw error
      connection.context.runtime.event({
        type: 'client.registration-refused',
        level: 'warning',
        issuer: connection.found.issuer,
        error: error.code,
        detail: error.message,
      })
    }
  }
  const record = await registerWith(connection, redirectUri, undefined)
  // A server that has just refused scopes would refuse them again.
  return tries.size === 0 ? { ...record, scopes: [] } : record
}

async function registerWith(
  { context, found: { issuer, metadata }, outgoing }: Connection,
  redirectUri: string,
  scope: string | undefined,
): Promise<RegistrationRecord> {
  const native = isLoopbackRedirect(redirectUri) || !redirectUri.startsWith('https:')
  const clientMetadata = {
    client_name: context.options.clientName,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: native ? 'native' : 'web',
    token_endpoint_auth_method: registeredMethod(metadata, native),
    scope,
  }
  const response = await createOAuthFetch(outgoing)(metadata.registration_endpoint!, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(clientMetadata),
  })
  const record = toRegistration(issuer, await readAnswer(response), redirectUri)
  context.runtime.event({ type: 'client.registered', level: 'info', issuer, clientId: record.clientId })
  return record
}

/**
 * The answer of a registration endpoint (RFC 7591 §3.2.1). Throws `invalid_response` if it has no client id.
 */
export function toRegistration(
  issuer: string,
  answer: Readonly<Record<string, unknown>>,
  redirectUri: string,
): RegistrationRecord {
  const clientId = optionalText(answer['client_id'])
  if (clientId === undefined)
    throw serverError('invalid_response', 'The registration endpoint answered without a client id')
  return defined({
    issuer,
    clientId,
    redirectUri,
    clientSecret: optionalText(answer['client_secret']),
    method: optionalText(answer['token_endpoint_auth_method']),
    expiresAt: optionalPositiveNumber(answer['client_secret_expires_at']),
  })
}

/**
 * The method to register: none for a native client, which cannot keep a secret; with a secret for a web
 * application.
 */
function registeredMethod(
  { token_endpoint_auth_methods_supported: listed }: AuthorizationServerMetadata,
  native: boolean,
): AuthMethod {
  const secret: AuthMethod[] = ['client_secret_basic', 'client_secret_post']
  const order: AuthMethod[] = native ? ['none', ...secret] : [...secret, 'none']
  return order.find((method) => listed?.includes(method)) ?? order[0]!
}
