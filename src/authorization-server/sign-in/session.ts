import { oneLine } from '../../lib/runtime.ts'
import type { Identity } from '../../types.ts'
import type { Context } from '../context.ts'
import { ownCookie, readOwnCookie } from '../browser/cookies.ts'
import { sealContext } from '../seal-context.ts'

/** What the own session says of a user. Neither props nor upstream tokens: those belong to a grant. */
export type SessionIdentity = Pick<Identity, 'subject' | 'name' | 'authTime' | 'acr' | 'scopes'>

interface Sealed extends SessionIdentity {
  expires: number
  epoch: number
}

/** Who signed in through this server lately, or undefined. It says who; it never agrees to anything. */
export async function readSession(context: Context, request: Request): Promise<SessionIdentity | undefined> {
  const value = readOwnCookie(context, request, 'session')
  if (value === undefined) return undefined
  const text = await context.sealer.open('cookie', sealContext(context.issuer, 'session'), value)
  if (text === undefined) return undefined
  const { expires, epoch, ...identity } = JSON.parse(text) as Sealed
  if (expires <= context.runtime.clock() || epoch !== (await context.keys.epoch(epoch))) return undefined
  return identity
}

/** A cookie with a new session: whatever lay there before the sign-in is gone. */
export async function startSession(context: Context, identity: Identity): Promise<string> {
  const { subject, name, authTime, acr, scopes } = identity
  const now = context.runtime.clock()
  const lifetime = context.options.lifetimes.session
  const session = {
    subject,
    // A cookie has 4096 bytes.
    name: name && oneLine(name, 80),
    authTime: authTime ?? now,
    acr,
    scopes,
    expires: now + lifetime,
    epoch: await context.keys.epoch(),
  }
  const sealed = await context.sealer.seal(
    'cookie',
    sealContext(context.issuer, 'session'),
    JSON.stringify(session),
  )
  return ownCookie(context, 'session', sealed, lifetime)
}

export const endSession = (context: Context): string => ownCookie(context, 'session', '', 0)
