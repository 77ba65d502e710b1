import { OAuthError } from '../../errors.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { targetParameters } from './authorization.ts'
import type { ClientContext } from '../context.ts'
import { PromptRefusedError, rejected } from '../errors.ts'
import { forget, forgetUnscoped, identityOf, isForgotten } from '../identity/identity.ts'
import { errorCode, harmless } from '../tokens/token-answer.ts'
import type { Authorized } from '../options.ts'
import { withoutQuery } from '../outgoing.ts'
import { keys, read, save, type FlowRecord, type TokenRecord } from '../storage/records.ts'
import { requestTokens } from '../tokens/token-request.ts'
import { tokenKey } from '../tokens/token-key.ts'
import { keepTokens } from '../tokens/tokens.ts'

/** What an authorization brought. */
export interface Finished extends Authorized {
  tokens: TokenRecord
}

/**
 * The answer to an authorization request. Before the code goes anywhere: `state` is ours, unused and of this subject; `iss` is
 * the server that was asked (RFC 9207 §2.4, as raw strings); it came to this issuer's redirect URI; it is a code or an error, and each parameter is there once.
 */
export async function finishAuthorization(context: ClientContext, arrived: URL): Promise<Finished> {
  const parameters = arrived.searchParams
  const flow = await takeFlow(context, parameters)
  const { found, server, redirectUri, scopes } = flow
  // Mix-up (RFC 9700 §4.4.2.2). Paths only: behind a proxy the host of request.url is anything.
  if (arrived.pathname !== new URL(redirectUri).pathname)
    throw rejected(
      'The answer came to the redirect URI of another issuer, or without its path: the whole address is needed',
    )
  validate(parameters, flow)
  // Or the next attempt would show up with the same dead client id.
  const fail = async (reason: unknown): Promise<never> => {
    if (isForgotten(reason)) await forget(context, found.issuer, flow.clientId)
    if (reason instanceof OAuthError && reason.code === 'invalid_scope')
      await forgetUnscoped(context, found.issuer, flow.clientId)
    throw reason
  }
  const error = parameters.get('error')
  if (error !== null) {
    // For the host and its log; the browser is not shown the sender's text.
    const text = harmless(parameters.get('error_description'))
    const description = `The authorization server did not approve${text && `: ${text}`}`
    if (error === 'invalid_request' && flow.prompted) {
      context.runtime.event({
        type: 'client.prompt-refused',
        level: 'warning',
        issuer: found.issuer,
        error,
        detail: description,
      })
      throw new PromptRefusedError(description, { server, found, scopes })
    }
    return fail(new OAuthError(errorCode(error), description))
  }
  const identity = await identityOf(context, found, flow.clientId)
  if (identity === undefined) throw rejected('The client was registered anew meanwhile; start again')
  const response = await requestTokens(context, server, found, identity, 'authorization_code', {
    code: parameters.get('code')!,
    redirect_uri: redirectUri,
    code_verifier: flow.verifier,
    ...targetParameters(context, server, found),
  }).catch(fail)
  const at = await tokenKey(context, server, found)
  const about = { server, clientId: flow.clientId, asked: scopes }
  const tokens = await keepTokens(context, at, found, response, about)
  await save(context.storage, await keys.server(server), found)
  context.runtime.event({
    type: 'client.authorized',
    level: 'info',
    issuer: found.issuer,
    resource: withoutQuery(server),
  })
  return { resource: server, issuer: found.issuer, subject: flow.subject, scopes: tokens.granted, tokens }
}

/** Once: the record is gone before anything else happens, so a replay finds nothing. */
async function takeFlow(context: ClientContext, parameters: URLSearchParams): Promise<FlowRecord> {
  const states = parameters.getAll('state')
  const at = await keys.flow(states[0] ?? '')
  const flow = await context.storage.exclusively(at, async () => {
    const record = await read<FlowRecord>(context.storage, at)
    // Somebody else's way back stays usable for him.
    if (record === undefined || record.subject !== context.options.subject) return undefined
    await context.storage.delete(at)
    return record
  })
  if (states.length !== 1 || flow === undefined)
    throw rejected('This answer belongs to no authorization of ours')
  if (flow.expiresAt <= context.runtime.clock())
    throw rejected('The authorization took too long; start again')
  return flow
}

function validate(parameters: URLSearchParams, { found: { metadata } }: FlowRecord): void {
  for (const name of ['code', 'error'])
    if (parameters.getAll(name).length > 1) throw rejected(`The answer has several "${name}" parameters`)
  checkIssuerParameter(parameters, metadata)
  if (Boolean(parameters.get('code')) === parameters.has('error'))
    throw rejected('The answer has neither a code nor an error, or both')
}

/**
 * Mix-up (RFC 9207 §2.4; the table of MCP, Authorization Response Validation): `iss` is the server that was asked, as a raw
 * string, for codes and for errors alike. It must be there if the server's metadata say so.
 */
export function checkIssuerParameter(
  parameters: URLSearchParams,
  { issuer, authorization_response_iss_parameter_supported: required = false }: AuthorizationServerMetadata,
): void {
  const values = parameters.getAll('iss')
  if (values.length > 1) throw rejected('The answer has several "iss" parameters')
  const [iss] = values
  if (iss === undefined ? required : iss !== issuer)
    throw rejected(
      `The answer does not come from the authorization server that was asked: ${iss === undefined ? 'no "iss"' : `"iss" is ${JSON.stringify(iss)}`}, expected ${JSON.stringify(issuer)}`,
    )
}
