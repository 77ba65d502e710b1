import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { defined } from '../../lib/defined.ts'
import { noStore } from '../../http/cache-control.ts'
import { json } from '../../http/responses.ts'
import { invalidClient, singleParameters } from '../../protocol/token-request.ts'
import { authenticateClient } from '../client/authentication.ts'
import type { Client, Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'
import { maxForm } from './endpoint.ts'
import { createLiveness, type CheckLiveness } from './liveness.ts'
import { verifyAccessToken, type AccessTokenClaims } from './access-token.ts'

/**
 * POST to the introspection endpoint (RFC 7662 §2). A resource server authenticates with the resource's
 * identifier and `introspectionSecret`, and sees the access tokens for that resource. A confidential
 * pre-registered client sees its own. The answer to everything else is `{"active":false}`, whether the token
 * exists or not.
 */
export function introspectionEndpoint(context: Context): (request: Request) => Promise<Response> {
  const checkLiveness = createLiveness(context)
  return jsonEndpoint(context, async (request) => {
    const parameters = singleParameters(await readForm(request, maxForm))
    const caller = await authenticateCaller(context, request, parameters)
    const token = parameters.get('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    return json(await introspect(context, checkLiveness, caller, token), { headers: noStore })
  })
}

/**
 * Rejects with `invalid_client` (401). Enumeration: requests without credentials are limited by address (RFC
 * 7662 §4); wrong secrets are limited with the client's authentication.
 */
async function authenticateCaller(
  context: Context,
  request: Request,
  parameters: ReadonlyMap<string, string>,
): Promise<Client> {
  try {
    const caller = await authenticateClient(context, request, parameters, async () => false)
    // Enumeration: any caller can become a client of another kind, and could then scan for tokens.
    if (mayIntrospect(caller)) return caller
    throw invalidClient()
  } catch (error) {
    const withSecret =
      parameters.has('client_secret') ||
      parameters.has('client_assertion') ||
      /^basic /i.test(request.headers.get('authorization') ?? '')
    if (!withSecret) await context.limits.attempt('introspect', request)
    throw error
  }
}

/** Whether a client of this kind may introspect. The endpoint exists only if there is such a client. */
export const mayIntrospect = ({ kind, authMethod }: Client): boolean =>
  kind === 'preregistered' && authMethod !== 'none'

async function introspect(
  context: Context,
  checkLiveness: CheckLiveness,
  caller: Client,
  token: string,
): Promise<Record<string, unknown>> {
  const found = await verifyAccessToken(context, token)
  if ('problem' in found) return inactive
  const { claims } = found
  if (claims.aud !== caller.id && claims.client_id !== caller.id) return inactive
  // Without the tolerance of a verifier: the caller may add its own.
  if (claims.exp <= context.runtime.clock()) return inactive
  return (await checkLiveness(found, 0)) === undefined ? inactive : active(claims)
}

/** RFC 7662 §2.2: without a reason. */
const inactive = { active: false }

/** Claims are named one by one, so that props do not leave this server. */
function active(claims: AccessTokenClaims): Record<string, unknown> {
  const { iss, aud, sub, client_id, scope, iat, exp, jti, auth_time, acr, choices } = claims
  const signIn = defined({ auth_time, acr, choices })
  return { active: true, token_type: 'Bearer', iss, aud, sub, client_id, scope, iat, exp, jti, ...signIn }
}
