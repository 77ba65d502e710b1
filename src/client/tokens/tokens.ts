import type { ClientContext } from '../context.ts'
import { refused } from '../errors.ts'
import { noteTokens } from './held-tokens.ts'
import { read, save, type ServerRecord, type TokenRecord } from '../storage/records.ts'
import { legal } from '../scopes.ts'
import type { TokenAnswer } from './token-answer.ts'

/** The tokens, unless they are bound to a key that we do not have. */
export async function readTokens(context: ClientContext, at: string): Promise<TokenRecord | undefined> {
  const record = await read<TokenRecord>(context.storage, at)
  if (record?.jkt === undefined) return record
  return record.jkt === (await context.dpop.thumbprint()) ? record : undefined
}

/** Keeps what a token endpoint answered; resolves when it stands in the storage. */
export async function keepTokens(
  context: ClientContext,
  at: string,
  found: ServerRecord,
  answer: TokenAnswer,
  about: { server: string; clientId: string; asked: string[] | undefined; before?: TokenRecord },
): Promise<TokenRecord> {
  const { server, before, clientId, asked } = about
  const { accessToken, type } = answer
  const bound = context.dpop.wanted(found)
  if (type === 'dpop' ? !bound : found.dpopRequired)
    throw refused('invalid_response', 'The token is not of the type that was asked for')
  const granted = answer.scope === undefined ? (before?.granted ?? asked) : legal(answer.scope)
  const refreshToken = answer.refreshToken ?? before?.refreshToken
  const record: TokenRecord = {
    issuer: found.issuer,
    ...(found.resource === undefined ? {} : { resource: found.resource }),
    clientId,
    accessToken,
    type,
    ...times(context, answer.expiresIn),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(granted === undefined ? {} : { granted }),
    ...(asked === undefined ? {} : { asked }),
    // A public client's refresh token is bound as well (RFC 9449 §5).
    ...(bound ? { jkt: await context.dpop.thumbprint() } : {}),
  }
  await noteTokens(context, server, found, at)
  await save(context.storage, at, record)
  return record
}

/** Whether the token need not be renewed yet. */
export const isFresh = ({ runtime }: ClientContext, { renewAt }: TokenRecord): boolean =>
  renewAt === undefined || renewAt > runtime.clock()

export const isExpired = ({ runtime }: ClientContext, { expiresAt }: TokenRecord): boolean =>
  expiresAt !== undefined && expiresAt <= runtime.clock()

/** A token of short life is renewed at half of it, or it would be renewed at each request. */
function times({ runtime, options }: ClientContext, life: number | undefined): Partial<TokenRecord> {
  if (life === undefined) return {}
  const now = runtime.clock()
  return { expiresAt: now + life, renewAt: now + life - Math.min(options.refreshAhead, life / 2) }
}
