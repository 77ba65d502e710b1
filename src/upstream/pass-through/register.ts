import { OAuthError } from '../../errors.ts'
import { readJson } from '../../http/body.ts'
import { noStore } from '../../http/cache-control.ts'
import { json } from '../../http/responses.ts'
import { isJsonObject } from '../../lib/json.ts'
import { parseClientMetadata } from '../../protocol/client-metadata.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import type { Context } from './context.ts'

/**
 * The registration endpoint (RFC 7591 §3): registers nothing. Each client whose redirect URIs are on the list
 * gets the id of the one public client that the provider knows, and no secret.
 */
export async function register(context: Context, request: Request): Promise<Response> {
  const { issuer, clientId, redirectUris, runtime } = context
  await context.attempt('register', request)
  const body = await readJson(request, 32_768)
  const { scope: _, ...metadata } = parseClientMetadata(withoutAuthentication(body), {
    source: 'registration',
    dropped: [],
  })
  const usable = metadata.redirect_uris.filter((each) => matchRedirectUri(redirectUris, each))
  if (usable.length === 0) {
    const detail = 'None of the redirect URIs is on the list of this server'
    const received = metadata.redirect_uris[0]!.replace(/[?#].*$/s, '')
    runtime.event({
      type: 'client.rejected',
      level: 'warning',
      issuer,
      error: 'invalid_redirect_uri',
      received,
      detail,
    })
    throw new OAuthError('invalid_redirect_uri', `${detail}; its operator can add it`)
  }
  runtime.event({ type: 'client.registered', level: 'info', issuer, clientId })
  const issued = { client_id: clientId, client_id_issued_at: Math.floor(runtime.clock()) }
  return json({ ...metadata, redirect_uris: usable, ...issued }, { status: 201, headers: noStore })
}

/** The server may replace what the client asks for (RFC 7591 §3.2.1): all are public. */
const withoutAuthentication = (body: unknown): unknown =>
  isJsonObject(body)
    ? { ...body, token_endpoint_auth_method: 'none', token_endpoint_auth_methods_supported: undefined }
    : body
