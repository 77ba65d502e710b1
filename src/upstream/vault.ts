import { isOAuthError, isUnavailableError, OAuthError, UnavailableError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { Lru } from '../lib/lru.ts'
import { randomToken } from '../lib/random.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { SignInRuntime, UpstreamToken, UpstreamTokens, VaultEntry, VaultRecord } from '../types.ts'
import { claimTokens, isExpired, leaseTime, type Claim } from './vault-claim.ts'

/**
 * Redeems the refresh token, within 10 s. Rejects with `invalid_grant` if it is dead; after any other error
 * the refresh token counts as good. What the answer leaves out stays, except `expiresAt`.
 */
export type Renew = (tokens: UpstreamTokens) => Promise<UpstreamTokens>
/** Revokes renewed tokens whose vault has ended meanwhile. Never rejects. */
export type Discard = (tokens: UpstreamTokens) => Promise<void>

/**
 * An access token that lasts a while. It is renewed ahead of expiry, once for all callers: in this process by
 * one flight, across processes by a lease in the vault. The renewed tokens are stored before they are used.
 * Rejects with UnavailableError, and with `invalid_grant` if the user has to sign in again.
 */
export async function freshToken(
  vault: VaultRecord,
  renew: Renew,
  discard?: Discard,
): Promise<UpstreamToken> {
  const { id, runtime } = vault
  const state = stateOf(runtime)
  const found = await vault.update((entry) => ({ result: claim(vault, state, entry).result }))
  if ('use' in found && state.unsaved.peek(id) === undefined) return tokenOf(found.use)
  return tokenOf(await state.flight.run(id, () => renewOnce({ vault, renew, discard, state })))
}

interface Call {
  readonly vault: VaultRecord
  readonly renew: Renew
  readonly discard: Discard | undefined
  readonly state: State
}

/** What the calls of one server in this process share. */
interface State {
  readonly flight: SingleFlight<VaultEntry>
  /** Until when the provider is not asked again after a failure, by vault. */
  readonly pauses: Lru<number>
  /** Renewed tokens that could not be stored yet, with those that they replace, by vault. */
  readonly unsaved: Lru<{ readonly from: VaultEntry; readonly tokens: UpstreamTokens }>
}

const states = new WeakMap<SignInRuntime, State>()

function stateOf(runtime: SignInRuntime): State {
  let state = states.get(runtime)
  if (state === undefined) {
    state = { flight: new SingleFlight(runtime), pauses: new Lru(10_000), unsaved: new Lru(1000) }
    states.set(runtime, state)
  }
  return state
}

const claim = (
  { id, runtime }: VaultRecord,
  { pauses }: State,
  entry: VaultEntry | undefined,
  leaseId = '',
): ReturnType<typeof claimTokens> =>
  claimTokens(entry, { now: runtime.clock(), leaseId, pausedUntil: pauses.get(id) ?? 0 })

/** Seconds of waiting for another process: until a lease that is taken now has ended for sure. */
const longestWait = leaseTime + 2
/** Seconds that callers wait for the provider. The call goes on, and its answer is stored. */
const patience = 12

async function renewOnce(call: Call): Promise<VaultEntry> {
  const { vault, state } = call
  const unsaved = state.unsaved.get(vault.id)
  if (unsaved !== undefined) {
    const saved = save(call, unsaved.from, unsaved.tokens)
    const failed = await saved.then(() => undefined).catch(orUnavailable)
    if (failed !== undefined) return unlessExpired(vault, unsaved.from, failed)
  }
  const leaseId = randomToken()
  const found = await claimOrWait(call, leaseId)
  if ('use' in found) return found.use
  const renewal = renewHeld(call, found.renew, leaseId)
  vault.runtime.waitUntil?.(renewal.catch(() => undefined))
  const settled = await within(patience, renewal)
  if (settled !== undefined) return settled.value
  return unlessExpired(vault, found.renew, new UnavailableError('The identity provider takes too long'))
}

/** Takes the lease. While another caller holds it, reads again after a growing, random time. */
async function claimOrWait(
  { vault, state }: Call,
  leaseId: string,
): Promise<Extract<Claim, { use: unknown } | { renew: unknown }>> {
  let waited = 0
  for (let attempt = 0; waited < longestWait; attempt++) {
    const found = await vault.update((entry) => claim(vault, state, entry, leaseId))
    if ('ended' in found) throw signInAgain(vault, found.lapsed && 'it has expired, without a refresh token')
    if (!('wait' in found)) return found
    const longest = Math.min(0.05 * 2 ** attempt, 1)
    const delay = longest * (0.5 + crypto.getRandomValues(new Uint8Array(1))[0]! / 512)
    await sleep(delay)
    waited += delay
  }
  throw new UnavailableError('The upstream token is being renewed; try again')
}

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000)
  })

/** Calls the provider, as the holder of the lease. */
async function renewHeld(call: Call, held: VaultEntry, leaseId: string): Promise<VaultEntry> {
  const { lease: _lease, renewed: _renewed, ...tokens } = held
  let answer: UpstreamTokens
  try {
    answer = await call.renew(tokens)
  } catch (error) {
    const isDead = isOAuthError(error) && error.code === 'invalid_grant'
    return isDead ? endUnlessRenewed(call, held, error) : giveUp(call, held, leaseId, error)
  }
  const { vault, state } = call
  state.pauses.delete(vault.id)
  try {
    return await save(call, held, answer)
  } catch (error) {
    const failed = orUnavailable(error)
    tellFailure(vault, failed)
    return unlessExpired(vault, held, failed)
  }
}

/**
 * How often a failing store is asked to keep renewed tokens; after that, the next call of this process does.
 */
const saveAttempts = 3

/**
 * Stores the renewed tokens, which drops the lease: before they are used, because a crash must not lose a
 * rotated refresh token. If another process has renewed the same tokens meanwhile, its own count.
 */
async function save(call: Call, from: VaultEntry, answer: UpstreamTokens): Promise<VaultEntry> {
  const { vault, state, discard } = call
  const { expiresAt: _expiresAt, lease: _lease, ...kept } = from
  const write: VaultEntry = { ...kept, ...defined(answer), renewed: vault.runtime.clock() }
  state.unsaved.set(vault.id, { from, tokens: answer })
  const stored = await insist(() =>
    vault.update((entry) => (isSame(entry, from) ? { write, result: write } : { result: entry })),
  )
  state.unsaved.delete(vault.id)
  if (isSame(stored, write)) vault.runtime.event({ type: 'upstream.renewed', level: 'info', ...vault.about })
  if (stored !== undefined) return stored
  const discarded = discard?.(answer)
  if (discarded !== undefined) vault.runtime.waitUntil?.(discarded)
  throw signInAgain(vault)
}

async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      if (attempt === saveAttempts || !isUnavailableError(error)) throw error
      await sleep(0.1 * attempt)
    }
}

/** The refresh token is dead, unless another process has renewed it: then its tokens count. */
async function endUnlessRenewed({ vault }: Call, held: VaultEntry, error: OAuthError): Promise<VaultEntry> {
  const left = await vault.update<VaultEntry | 'ended' | undefined>((entry) =>
    isSame(entry, held) ? { write: null, result: 'ended' } : { result: entry },
  )
  if (left === undefined) throw signInAgain(vault)
  if (left === 'ended') throw signInAgain(vault, error.message)
  return unlessExpired(vault, left, new UnavailableError('The upstream token is being renewed; try again'))
}

/** Seconds for which the provider is not asked again after a failure that names no time. */
const defaultPause = 5
const longestPause = 60

/** The provider cannot be asked: nothing is lost, and it is not asked again for a while. */
async function giveUp(
  { vault, state }: Call,
  held: VaultEntry,
  leaseId: string,
  cause: unknown,
): Promise<VaultEntry> {
  const { id, runtime } = vault
  const wanted = isOAuthError(cause) ? cause.retryAfter : undefined
  const retryAfter = Math.min(wanted || defaultPause, longestPause)
  state.pauses.set(id, runtime.clock() + retryAfter)
  tellFailure(vault, cause, retryAfter)
  const left = await vault
    .update((entry) => {
      if (entry?.lease?.id !== leaseId) return { result: entry }
      const { lease: _lease, ...write } = entry
      return { write, result: write }
    })
    // The lease ends by itself.
    .catch(() => held)
  if (left === undefined) throw signInAgain(vault)
  const failed = new UnavailableError('The identity provider cannot be asked at present', {
    retryAfter,
    cause,
  })
  return unlessExpired(vault, left, failed)
}

function tellFailure({ about, runtime }: VaultRecord, error: unknown, duration?: number): void {
  const [code, detail] = isOAuthError(error) ? [error.code, error.message] : [undefined, nameOf(error)]
  runtime.event({
    type: 'upstream.renewal-failed',
    level: 'warning',
    ...about,
    ...defined({ error: code, duration }),
    detail,
  })
}

/** What others threw may quote a secret, so only its kind is told. */
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)

/** `detail`: this call has ended it, which is told once. */
function signInAgain({ about, runtime }: VaultRecord, detail?: string): OAuthError {
  if (detail !== undefined) runtime.event({ type: 'upstream.ended', level: 'warning', ...about, detail })
  return new OAuthError('invalid_grant', 'The sign-in at the identity provider has ended; sign in again')
}

/** The token that is still valid, although it could not be renewed. */
function unlessExpired({ runtime }: VaultRecord, entry: VaultEntry, error: OAuthError): VaultEntry {
  if (isExpired(entry, runtime.clock())) throw error
  return entry
}

function orUnavailable(error: unknown): OAuthError {
  if (isUnavailableError(error)) return error
  throw error
}

const isSame = (entry: VaultEntry | undefined, other: VaultEntry): entry is VaultEntry =>
  entry?.accessToken === other.accessToken && entry.refreshToken === other.refreshToken

const tokenOf = ({ accessToken, expiresAt, scopes }: VaultEntry): UpstreamToken => ({
  accessToken,
  ...defined({ expiresAt, scopes }),
})
