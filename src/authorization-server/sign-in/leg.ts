import { ConfigurationError, OAuthError } from '../../errors.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import type { SignIn, SignInLeg } from '../../types.ts'
import {
  clearCookie,
  getCookie,
  isSlotId,
  newSlot,
  setCookie,
  slotName,
  type Slots,
} from '../browser/cookies.ts'
import { passOn } from '../browser/redirect.ts'
import type { Context } from '../context.ts'
import { expiredError, forgedError } from '../page-error.ts'
import { legPath } from '../paths.ts'
import { sealContext } from '../seal-context.ts'

/** What the sign-in gets, and what continues after it. */
export interface SignInFlow {
  /** Path of this server, to which an own login sends the user back. */
  path: string
  prompt?: string
  maxAge?: number
  loginHint?: string
  /** What the user has approved before; `openLeg` returns it. */
  approval?: object
  /** Path of this server at which the flow goes on, in place of `return_to` of the callback. */
  returnTo?: string
}

interface StoredLeg extends Pick<SignInFlow, 'approval' | 'returnTo'> {
  /** What the sign-in keeps for `finish`. */
  kept?: string
  /** The way to sign in that the user chose. */
  way?: string
  /** Pathname that it comes back to. Absent: the one without a provider. */
  path?: string
  /** Seconds since the epoch. */
  expires: number
}

const codec = sealedCodec(
  'cookie',
  recordCodec<StoredLeg>('sign-in', {
    approval: 'object?',
    returnTo: 'string?',
    kept: 'string?',
    way: 'string?',
    path: 'string?',
    expires: 'number',
  }),
)

/** What a leg is of this sign-in. */
interface LegPlace {
  readonly state: string
  readonly signIn: Pick<SignIn, 'callbacks'>
  readonly way?: string
  /** Pathname that it comes back to. */
  readonly path: string
}

/** A leg of a request, and what becomes of it. */
interface TrackedLeg {
  readonly leg: SignInLeg
  /** The cookies that the leg lies in, or the one that continues it; none if nothing has changed. */
  store(about: Pick<StoredLeg, 'approval' | 'returnTo' | 'expires'>): Promise<string[]>
}

/**
 * What a leg is for. Account linking: a leg of one kind is not opened as one of another, so the callback of
 * a sign-in links nothing, and the callback of a link signs no user in.
 */
export type LegKind = Slots & { readonly kind: 'sign-in' | 'link' }

const signIns: LegKind = { kind: 'sign-in', max: 2 }
/** Browsers drop a cookie above 4096 bytes, name and attributes included. */
const maxCookie = 3800
const maxKept = 600

/** Sends the user to sign in. If the sign-in comes back to this server, a leg begins. */
export const startSignIn = (
  context: Context,
  request: Request,
  flow: SignInFlow,
  cookies: readonly string[] = [],
): Promise<Response> => startLeg(context, request, context.signIn, flow, signIns, cookies)

/**
 * Begins a leg of this sign-in. Its `state` is random and made here, so an upstream never sees one from
 * before the approval (confused deputy). What the state stands for lies sealed in a cookie of this browser.
 */
export async function startLeg(
  context: Context,
  request: Request,
  signIn: SignIn,
  { path, approval, returnTo, ...wishes }: SignInFlow,
  slots: LegKind,
  cookies: readonly string[] = [],
): Promise<Response> {
  const { issuer, options, runtime } = context
  const { origin } = new URL(issuer)
  const { id, evict } = newSlot(context, request, slots)
  const place = { state: id, signIn, path: legPath(context, signIn) }
  const { leg, store } = trackLeg(context, request, slots, place)
  const response = await signIn.start(request, { ...wishes, returnTo: origin + path, leg })
  if (signIn.finish === undefined) return passOn(response, cookies)
  const expires = runtime.clock() + options.lifetimes.transaction
  return passOn(response, [
    ...cookies,
    ...evict,
    ...(await store({ ...defined({ approval, returnTo }), expires })),
  ])
}

/** `stored`: undefined for a new leg. */
function trackLeg(
  context: Context,
  request: Request,
  slots: LegKind,
  { state, signIn, way, path }: LegPlace,
  stored?: Pick<StoredLeg, 'kept'>,
): TrackedLeg {
  const { issuer, limits, options, runtime } = context
  let following: (TrackedLeg & { evict: readonly string[] }) | undefined
  const leg: SignInLeg = {
    state,
    callbackUrl: new URL(issuer).origin + path,
    now: runtime.clock(),
    branding: options.branding,
    runtime,
    ...defined({ kept: stored?.kept, way }),
    // This leg stays while there is room, for a double click and for a user who goes back.
    next(chosen) {
      const { id, evict } = newSlot(context, request, slots, state)
      const place = { state: id, signIn, way: chosen, path: legPath(context, signIn, chosen) }
      following = { evict, ...trackLeg(context, request, slots, place) }
      return following.leg
    },
    attempt: (account) => limits.signIn(request, account),
  }
  return {
    leg,
    async store(about) {
      if (following !== undefined) return [...following.evict, ...(await following.store(about))]
      return stored !== undefined && stored.kept === leg.kept
        ? []
        : [await storeLeg(context, slots, leg, about)]
    },
  }
}

/** The cookie that a leg lies in. */
async function storeLeg(
  context: Context,
  slots: LegKind,
  { state, kept, way, callbackUrl }: SignInLeg,
  about: Parameters<TrackedLeg['store']>[0],
): Promise<string> {
  const { sealer, runtime } = context
  if ((kept ?? '').length > maxKept)
    throw new ConfigurationError('signIn', `must keep at most ${maxKept} characters; got ${kept?.length}`)
  const stored = { ...about, path: new URL(callbackUrl).pathname, ...defined({ kept, way }) }
  const value = await codec.seal(sealer, legContext(context, slots, state), stored)
  if (value.length > maxCookie) throw new OAuthError('invalid_request', 'The request is too long')
  const lifetime = Math.ceil(about.expires - runtime.clock())
  return setCookie(context, slotName(slots, state), value, lifetime)
}

/**
 * The leg that a callback belongs to (CSRF: the cookie shows that it began in this browser). Throws a
 * PageError if it began in another browser or not at all, comes back to another path, or has expired.
 * `signInOf`: the sign-in that it is of.
 */
export async function openLeg<Approval extends object>(
  context: Context,
  request: Request,
  slots: LegKind = signIns,
  signInOf: (approval: Approval | undefined) => LegPlace['signIn'] = () => context.signIn,
): Promise<{
  leg: SignInLeg
  approval: Approval | undefined
  returnTo: string | undefined
  /** Seconds since the epoch. */
  startedAt: number
  /** The cookies that the leg needs if the sign-in goes on. */
  cookies: () => Promise<string[]>
}> {
  const { sealer, options, runtime } = context
  const { pathname, searchParams } = new URL(request.url)
  const states = searchParams.getAll('state')
  const [state] = states
  if (state === undefined || states.length > 1 || !isSlotId(state))
    throw forgedError('The sign-in did not begin here')
  const value = getCookie(context, request, slotName(slots, state)) ?? ''
  const stored = await codec.open(sealer, legContext(context, slots, state), value)
  if (stored === undefined) throw forgedError('The sign-in did not begin in this browser')
  const { approval, returnTo, way, expires, path = legPath(context, {}) } = stored
  // Mix-up: what comes back to the redirect URI of another provider is no answer of this one (RFC 9700
  // §4.4.2.2).
  if (pathname !== path) throw forgedError('The answer is not from the provider that the sign-in went to')
  if (expires <= runtime.clock()) throw expiredError()
  const signIn = signInOf(approval as Approval | undefined)
  const place = { state, signIn, path, ...defined({ way }) }
  const { leg, store } = trackLeg(context, request, slots, place, stored)
  return {
    leg,
    approval: approval as Approval | undefined,
    returnTo,
    startedAt: expires - options.lifetimes.transaction,
    cookies: () => store({ ...defined({ approval, returnTo }), expires }),
  }
}

/** The cookie that ends a leg. */
export const closeLeg = (context: Context, { state }: SignInLeg, slots: LegKind = signIns): string =>
  clearCookie(context, slotName(slots, state))

const legContext = ({ issuer }: Context, { kind }: LegKind, state: string): string =>
  sealContext(issuer, `${kind}:${state}`)
