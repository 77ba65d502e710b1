import { isLoopbackRedirect } from '../protocol/redirect-uri.ts'
import type { ClientContext } from './context.ts'
import { registeredMethod } from './client-auth.ts'
import { refused } from './errors.ts'
import { carrier, outgoing } from './outgoing.ts'
import type { RegistrationRecord, ServerRecord } from './records.ts'
import { successBody } from './token-answer.ts'

/** Dynamic registration (RFC 7591), with the application type (SEP-837) and the grant types that we use (SEP-2207). */
export async function register(
  context: ClientContext,
  server: string,
  { issuer, metadata }: ServerRecord,
  redirectUri: string,
): Promise<RegistrationRecord> {
  const native = isLoopbackRedirect(redirectUri) || !redirectUri.startsWith('https:')
  const wish = {
    client_name: context.options.clientName,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: native ? 'native' : 'web',
    token_endpoint_auth_method: registeredMethod(metadata, native),
  }
  const response = await carrier(outgoing(context, server))(metadata.registration_endpoint!, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  })
  const client = await successBody(response)
  const { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: method } = client
  const ends = client['client_secret_expires_at']
  if (typeof clientId !== 'string' || clientId === '')
    throw refused('invalid_response', 'The registration endpoint answered without a client id')
  context.runtime.event({ type: 'client.registered', level: 'info', issuer, clientId })
  return {
    issuer,
    clientId,
    redirectUri,
    ...(typeof clientSecret === 'string' ? { clientSecret } : {}),
    ...(typeof method === 'string' ? { method } : {}),
    ...(typeof ends === 'number' && ends > 0 ? { expiresAt: ends } : {}),
  }
}
