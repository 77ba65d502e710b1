import { ConfigurationError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import { oneLine } from '../../lib/runtime.ts'
import type { Identity } from '../../types.ts'
import { clearCookie, getCookie, setCookie } from '../browser/cookies.ts'
import type { Context } from '../context.ts'
import { sealContext } from '../seal-context.ts'

/** The part of an identity that lies in the session. Upstream tokens belong to a grant. */
export type SessionIdentity = Pick<Identity, 'subject' | 'name' | 'authTime' | 'acr' | 'scopes' | 'props'>

interface Session extends SessionIdentity {
  /** The way to sign in that the user chose, if there were several. */
  way?: string
  /** Seconds since the epoch. */
  expires: number
  /** `revokeAll()` starts a new epoch and so ends the session. */
  epoch: number
}

const codec = sealedCodec(
  'cookie',
  recordCodec<Session>('session', {
    subject: 'string',
    name: 'string?',
    authTime: 'number?',
    acr: 'string?',
    scopes: 'strings?',
    props: 'any?',
    way: 'string?',
    expires: 'number',
    epoch: 'number',
  }),
)

/**
 * The user of this server's own session, or undefined. A session says who the user is; it never consents. The
 * sign-in may say more than the session does, or that this user may not sign in any more.
 */
export async function readSession(context: Context, request: Request): Promise<SessionIdentity | undefined> {
  const { sealer, keys, runtime, signIn } = context
  const value = getCookie(context, request, 'session')
  const session = value && (await codec.open(sealer, sessionContext(context), value))
  if (!session) return undefined
  const { expires, epoch, way, ...identity } = session
  if (expires <= runtime.clock() || epoch !== (await keys.epoch(epoch))) return undefined
  if (signIn.recheck === undefined) return identity
  const user = await signIn.recheck(identity, way)
  const { authTime, acr } = identity
  return user?.subject === identity.subject ? { ...user, ...defined({ authTime, acr }) } : undefined
}

/** The cookie of a new session. It replaces the one from before the sign-in, which stops session fixation. */
export async function startSession(context: Context, identity: Identity, way?: string): Promise<string> {
  const { sealer, keys, options, runtime } = context
  const { subject, name, authTime, acr, scopes } = identity
  // With consent before the sign-in, the props go into the grant at once.
  const props = context.signIn.consent === 'after' ? fittingProps(identity.props) : undefined
  const now = runtime.clock()
  const lifetime = options.lifetimes.session
  const session = {
    subject,
    // A cookie has at most 4096 bytes.
    name: name ? oneLine(name, 80) : undefined,
    authTime: authTime ?? now,
    acr: acr ?? undefined,
    scopes: scopes ?? undefined,
    props,
    way,
    expires: now + lifetime,
    epoch: await keys.epoch(),
  } as Session
  return setCookie(context, 'session', await codec.seal(sealer, sessionContext(context), session), lifetime)
}

/** Bytes of JSON that leave room for the rest in a cookie of 4096 bytes. */
const maxProps = 1500

function fittingProps(props: unknown): unknown {
  const size = utf8(JSON.stringify(props) ?? '').length
  if (size <= maxProps) return props
  throw new ConfigurationError('identity.props', `must be JSON of at most ${maxProps} bytes; got ${size}`)
}

export const endSession = (context: Context): string => clearCookie(context, 'session')

const sessionContext = ({ issuer }: Context): string => sealContext(issuer, 'session')
