import { isOAuthError, OAuthError } from '../../errors.ts'
import { withoutCredentials } from '../../http/answers.ts'
import { authorizationErrorCode, issuerProblem } from '../../protocol/authorization-response.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { connect, type Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { callbackError } from '../errors.ts'
import {
  findIdentity,
  forgetRegistration,
  forgetUnscopedRegistration,
  isUnknownClient,
} from '../identity/identity.ts'
import {
  flowRecord,
  readRecord,
  saveRecord,
  serverRecord,
  type FlowRecord,
  type TokenRecord,
} from '../records.ts'
import { targetParameters } from '../tokens/target.ts'
import { requestTokens } from '../tokens/token-request.ts'
import { saveTokens } from '../tokens/tokens.ts'
import type { Authorized, TokenAnswer } from '../types.ts'
import { recordKeys } from '../record-keys.ts'
import { withoutQuery } from '../urls.ts'

/** The result of an authorization, with the stored tokens. */
export interface Finished extends Authorized {
  tokens: TokenRecord
}

/** The server refuses `prompt`: the same request is worth one more try without it. Never reaches a caller. */
export class PromptRefusedError extends OAuthError {
  readonly connection: Connection
  readonly scopes: string[] | undefined

  constructor(description: string, connection: Connection, scopes: string[] | undefined) {
    super('invalid_request', description)
    this.connection = connection
    this.scopes = scopes
  }
}

/**
 * Checks the answer to an authorization request and exchanges its code. Before the code goes anywhere:
 * `state` is ours, unused and of this subject; the answer came to this issuer's redirect URI; `iss` is the
 * server that was asked; there is either a code or an error, and each parameter only once. Rejects with
 * `invalid_callback`, or with the server's error code.
 */
export async function finishAuthorization(context: ClientContext, arrived: URL): Promise<Finished> {
  const { searchParams } = arrived
  const flow = await takeFlow(context, searchParams)
  const { found, server, redirectUri, scopes, clientId } = flow
  const connection = await connect(context, server, found)
  // Mix-up (RFC 9700 §4.4.2.2). Only paths are compared: behind a proxy request.url may have any host.
  if (arrived.pathname !== new URL(redirectUri).pathname)
    throw callbackError(
      'The answer came to the redirect URI of another issuer, or not with the whole address',
    )
  checkParameters(searchParams, found.metadata)
  try {
    checkApproved(searchParams, connection, flow)
    const answer = await exchangeCode(searchParams.get('code')!, connection, flow)
    const tokens = await saveTokens(connection, answer, { clientId, asked: scopes })
    await saveRecord(context, serverRecord, await recordKeys.server(server), found)
    context.runtime.event({
      type: 'client.authorized',
      level: 'info',
      issuer: found.issuer,
      resource: withoutQuery(server),
    })
    return { resource: server, issuer: found.issuer, subject: flow.subject, scopes: tokens.granted, tokens }
  } catch (error) {
    // Otherwise the next attempt would use the same registration again.
    if (isUnknownClient(error)) await forgetRegistration(context, found.issuer, clientId)
    if (isOAuthError(error) && error.code === 'invalid_scope')
      await forgetUnscopedRegistration(context, found.issuer, clientId)
    throw error
  }
}

/**
 * Replay: the record is deleted before anything else happens, so the same answer finds nothing a second time.
 */
async function takeFlow(context: ClientContext, parameters: URLSearchParams): Promise<FlowRecord> {
  const states = parameters.getAll('state')
  const key = await recordKeys.flow(states[0] ?? '')
  const flow = await context.storage.exclusively(key, async () => {
    const record = await readRecord(context, flowRecord, key)
    // CSRF: an answer to another user's authorization is refused, and stays pending for that user.
    if (record === undefined || record.subject !== context.options.subject) return undefined
    await context.storage.delete(key)
    return record
  })
  if (states.length !== 1 || flow === undefined)
    throw callbackError('This answer belongs to no authorization of ours')
  if (flow.expiresAt <= context.runtime.clock())
    throw callbackError('The authorization took too long; start again')
  return flow
}

function checkParameters(parameters: URLSearchParams, metadata: AuthorizationServerMetadata): void {
  for (const name of ['code', 'error'])
    if (parameters.getAll(name).length > 1) throw callbackError(`The answer has several "${name}" parameters`)
  checkIssuerParameter(parameters, metadata)
  if (Boolean(parameters.get('code')) === parameters.has('error'))
    throw callbackError('The answer has neither a code nor an error, or both')
}

/** Mix-up (RFC 9207 §2.4; the table of MCP, Authorization Response Validation). */
export function checkIssuerParameter(
  parameters: URLSearchParams,
  metadata: AuthorizationServerMetadata,
): void {
  const problem = issuerProblem(parameters, metadata)
  if (problem !== undefined) throw callbackError(problem)
}

/** Throws the server's error, if it answered with one. */
function checkApproved(parameters: URLSearchParams, connection: Connection, flow: FlowRecord): void {
  const error = parameters.get('error')
  if (error === null) return
  // For the application and its log; the browser is not shown the sender's text.
  const text = withoutCredentials(parameters.get('error_description'))
  const description = `The authorization server did not approve${text && `: ${text}`}`
  if (error !== 'invalid_request' || !flow.prompted)
    throw new OAuthError(authorizationErrorCode(error), description)
  connection.context.runtime.event({
    type: 'client.prompt-refused',
    level: 'warning',
    issuer: flow.found.issuer,
    error,
    detail: description,
  })
  throw new PromptRefusedError(description, connection, flow.scopes)
}

async function exchangeCode(
  code: string,
  connection: Connection,
  { clientId, redirectUri, verifier }: FlowRecord,
): Promise<TokenAnswer> {
  const identity = await findIdentity(connection, clientId)
  if (identity === undefined) throw callbackError('The client was registered anew meanwhile; start again')
  return requestTokens(connection, identity, 'authorization_code', {
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...targetParameters(connection),
  })
}
