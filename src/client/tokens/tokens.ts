import { defined } from '../../lib/defined.ts'
import type { Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { serverError } from '../../http/answers.ts'
import { readRecord, saveRecord, tokenRecord, type TokenRecord } from '../records.ts'
import { parseScopes } from '../scopes.ts'
import type { TokenAnswer } from '../types.ts'
import { indexTokens } from './token-index.ts'

/**
 * The stored tokens. Undefined if there are none, or if they are bound to a key that the client does not
 * have.
 */
export async function readTokens({ context, found, tokenKey }: Connection): Promise<TokenRecord | undefined> {
  const record = await readRecord(context, tokenRecord, tokenKey)
  // Tokens stay with the issuer that issued them.
  if (record?.issuer !== found.issuer) return undefined
  if (record.jkt === undefined) return record
  return record.jkt === (await context.dpop.thumbprint()) ? record : undefined
}

/** Stores a token endpoint's answer; resolves when it is stored. */
export async function saveTokens(
  connection: Connection,
  answer: TokenAnswer,
  about: { clientId: string; asked: string[] | undefined; before?: TokenRecord },
): Promise<TokenRecord> {
  const { context, found, tokenKey } = connection
  const { before, clientId, asked } = about
  const { accessToken, type } = answer
  const bound = context.dpop.isUsedFor(found)
  if (type === 'dpop' ? !bound : found.dpopRequired)
    throw serverError('invalid_response', 'The token is not of the type that was requested')
  const granted = answer.scope === undefined ? (before?.granted ?? asked) : parseScopes(answer.scope)
  const refreshToken = answer.refreshToken ?? before?.refreshToken
  const record: TokenRecord = defined({
    issuer: found.issuer,
    resource: found.resource,
    clientId,
    accessToken,
    type,
    ...expiryOf(context, answer.expiresIn),
    refreshToken,
    granted,
    asked,
    // A public client's refresh token is bound as well (RFC 9449 §5).
    jkt: bound ? await context.dpop.thumbprint() : undefined,
  })
  await indexTokens(connection)
  await saveRecord(context, tokenRecord, tokenKey, record)
  return record
}

/** Whether the token need not be renewed yet. */
export const isFresh = ({ runtime }: ClientContext, { renewAt }: TokenRecord): boolean =>
  renewAt === undefined || renewAt > runtime.clock()

export const isExpired = ({ runtime }: ClientContext, { expiresAt }: TokenRecord): boolean =>
  expiresAt !== undefined && expiresAt <= runtime.clock()

/** A token with a short lifetime is renewed at half of it; otherwise each request would renew it. */
function expiryOf({ runtime, options }: ClientContext, lifetime: number | undefined): Partial<TokenRecord> {
  if (lifetime === undefined) return {}
  const now = runtime.clock()
  return {
    expiresAt: now + lifetime,
    renewAt: now + lifetime - Math.min(options.refreshAhead, lifetime / 2),
  }
}
