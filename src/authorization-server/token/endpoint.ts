import { isOAuthError, OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { noStore } from '../../http/cache-control.ts'
import { json } from '../../http/responses.ts'
import { singleParameters } from '../../protocol/token-request.ts'
import { authenticateClient } from '../client/authentication.ts'
import type { Client, Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'
import { redeemCode } from './authorization-code.ts'
import { refresh } from './refresh-token.ts'
import { holdsGrant } from './grant-holder.ts'
import { UnknownGrantError, type TokenRequest, type TokenResponse } from './response.ts'

/** The largest body of a request to the token, revocation and introspection endpoints, in bytes. */
export const maxForm = 16_384

const grantTypes = new Map<
  string,
  (context: Context, client: Client, request: TokenRequest) => Promise<TokenResponse>
>([
  ['authorization_code', redeemCode],
  ['refresh_token', refresh],
])

/** POST to the token endpoint (OAuth 2.1 §3.2): authenticates the client, then serves the grant type. */
export function tokenEndpoint(context: Context): (request: Request) => Promise<Response> {
  const { limits } = context
  return jsonEndpoint(context, async (request) => {
    const form = await readForm(request, maxForm)
    const resources = form.getAll('resource').filter((each) => each !== '')
    form.delete('resource')
    const parameters = singleParameters(form)
    const client = await authenticateClient(context, request, parameters, async (clientId) => {
      if (await holdsGrant(context, parameters, clientId)) return true
      await limits.attempt('invalid-grant', request, clientId)
      // Enumeration: the same answer as to a client whose document is known.
      throw new UnknownGrantError()
    })
    const grantType = parameters.get('grant_type')
    if (grantType === undefined) throw new OAuthError('invalid_request', 'grant_type is missing')
    const respond = grantTypes.get(grantType)
    if (respond === undefined)
      throw new OAuthError('unsupported_grant_type', 'This grant type is not supported')
    if (!client.grantTypes.includes(grantType))
      throw new OAuthError('unauthorized_client', 'The client is not registered for this grant type')
    try {
      return json(await respond(context, client, { parameters, resources, httpRequest: request }), {
        headers: noStore,
      })
    } catch (error) {
      await reportRefusal(context, request, client, error)
      throw error
    }
  })
}

/** Counts a guess for the rate limit; rejects with 429 after too many. */
async function reportRefusal(
  context: Context,
  request: Request,
  client: Client,
  error: unknown,
): Promise<void> {
  if (!isOAuthError(error)) return
  const { code, status } = error
  const { issuer, runtime, limits } = context
  runtime.event({ type: 'token.refused', level: 'warning', issuer, clientId: client.id, error: code, status })
  if (error instanceof UnknownGrantError) await limits.attempt('invalid-grant', request, client.id)
}
