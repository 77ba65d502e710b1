import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { json, noStore } from '../../http/responses.ts'
import { invalidClient, singleParameters } from '../../protocol/token-request.ts'
import { authenticateClient } from '../client/authentication.ts'
import type { Client, Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'
import { maxForm } from './endpoint.ts'
import { createLiveness, type CheckLiveness } from './liveness.ts'
import { verifyToken, type AccessTokenClaims } from './tokens.ts'

/**
 * POST to the introspection endpoint (RFC 7662 §2). A resource server, which comes with the resource's identifier and
 * `introspectionSecret`, sees the access tokens for that resource; a confidential pre-registered client sees its own. Whatever else
 * is asked about is `{"active":false}`, whether it exists or not.
 */
export function introspectionEndpoint(context: Context): (request: Request) => Promise<Response> {
  const checkLiveness = createLiveness(context)
  return jsonEndpoint(context, async (request) => {
    const parameters = singleParameters(await readForm(request, maxForm))
    const caller = await callerOf(context, request, parameters)
    const token = parameters.get('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    return json(await introspect(context, checkLiveness, caller, token), { headers: noStore })
  })
}

/** Rejects with `invalid_client` (401); from one address only so often where no secret came, whose client could be shut out (RFC 7662 §4). */
async function callerOf(
  context: Context,
  request: Request,
  parameters: ReadonlyMap<string, string>,
): Promise<Client> {
  try {
    const caller = await authenticateClient(context, request, parameters, async () => false)
    // Anybody can be another kind of client, and so could scan for tokens.
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

/** Whether a caller of this kind may ask at all; where nobody may, there is no endpoint. */
export const mayIntrospect = ({ kind, authMethod }: Client): boolean =>
  kind === 'preregistered' && authMethod !== 'none'

async function introspect(
  context: Context,
  checkLiveness: CheckLiveness,
  caller: Client,
  token: string,
): Promise<Record<string, unknown>> {
  const found = await verifyToken(context, token)
  if ('problem' in found) return inactive
  const { claims } = found
  if (claims.aud !== caller.id && claims.client_id !== caller.id) return inactive
  // Without the tolerance of a verifier: the caller may add its own.
  if (claims.exp <= context.runtime.clock()) return inactive
  return (await checkLiveness(found, 0)) === undefined ? inactive : active(claims)
}

/** RFC 7662 §2.2: nothing else, so that nobody learns why. */
const inactive = { active: false }

/** Named one by one: what the application or an upstream attached stays here. */
function active(claims: AccessTokenClaims): Record<string, unknown> {
  const { iss, aud, sub, client_id, scope, iat, exp, jti, auth_time, acr } = claims
  const step = { ...(auth_time === undefined ? {} : { auth_time }), ...(acr === undefined ? {} : { acr }) }
  return { active: true, token_type: 'Bearer', iss, aud, sub, client_id, scope, iat, exp, jti, ...step }
}
