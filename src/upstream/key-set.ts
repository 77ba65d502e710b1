import { createLocalJWKSet, type LocalJWKSet } from 'jose/jwks/local'
import { compactVerify } from 'jose/jws/compact/verify'
import { UnavailableError } from '../errors.ts'
import { guardedFetch, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import type { SignInRuntime } from '../types.ts'
import type { ProviderMetadata } from './metadata.ts'
import { pausingAfterFailure } from './outage.ts'

/** The keys that sign a provider's ID tokens. */
export interface KeySet {
  /**
   * Whether one of them made the signature, of those that `isKeyFor` takes, if it is given. Rejects with
   * UnavailableError if the set is out of reach.
   */
  hasSigned(
    token: string,
    alg: string,
    isKeyFor?: (key: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<boolean>
}

interface Held {
  readonly keys: readonly unknown[]
  readonly find: LocalJWKSet
  /** When it was fetched, in seconds since the epoch. */
  readonly at: number
}

const maxBytes = 262_144
/**
 * Seconds: for which a set is fresh; between two fetches for an unknown key; and for which an old set is used
 * during an outage.
 */
const fresh = 600
const cooldown = 30
const staleIfError = 86_400

/** The key set at the `jwks_uri` of the metadata (OpenID Connect Core §10.1). A failure counts for 5 s. */
export function createKeySet(
  metadata: () => Promise<ProviderMetadata>,
  runtime: SignInRuntime,
  outgoing: GuardedFetchOptions,
): KeySet {
  const { clock } = runtime
  const flights = new SingleFlight<Held>(runtime)
  let held: Held | undefined

  const fetchSet = pausingAfterFailure(clock, async () => {
    const { jwks_uri: uri } = await metadata()
    if (uri === undefined) throw new UnavailableError('The metadata of the identity provider name no key set')
    const { status, text } = await guardedFetch(uri, { ...outgoing, maxBytes })
    const document = status === 200 ? parseObject(text) : undefined
    const keys = document?.['keys']
    if (!Array.isArray(keys)) throw new UnavailableError(`The key set was answered with ${status}`)
    return (held = { keys, find: createLocalJWKSet(document as never), at: clock() })
  })
  const load = (): Promise<Held> => flights.run('', fetchSet)

  const current = async (): Promise<Held> => {
    if (held !== undefined && clock() < held.at + fresh) return held
    try {
      return await load()
    } catch (error) {
      if (held !== undefined && clock() < held.at + staleIfError) return held
      throw error
    }
  }

  return {
    async hasSigned(token, alg, isKeyFor) {
      const set = await current()
      const verdict = await judge(findFor(set, isKeyFor), token, alg)
      if (verdict === 'signed') return true
      if (clock() >= set.at + cooldown)
        return (await judge(findFor(await load(), isKeyFor), token, alg)) === 'signed'
      // The next fetch may have the key.
      if (verdict === 'unknown key')
        throw new UnavailableError('The key of the ID token is not known yet', { retryAfter: cooldown })
      return false
    },
  }
}

const findFor = (
  { keys, find }: Held,
  isKeyFor: ((key: Readonly<Record<string, unknown>>) => boolean) | undefined,
): LocalJWKSet =>
  isKeyFor === undefined
    ? find
    : createLocalJWKSet({ keys: keys.filter((each) => isKeyFor(Object(each) as never)) as never })

/** jose chooses the key by `kid`, `alg`, `use` and kind, and judges its size. */
async function judge(
  find: LocalJWKSet,
  token: string,
  alg: string,
): Promise<'signed' | 'not signed' | 'unknown key'> {
  try {
    await compactVerify(token, find, { algorithms: [alg] })
    return 'signed'
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'unknown key'
    if (code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return 'not signed'
    // Denial of service: no more than a few are tried.
    let left = 4
    for await (const key of error as AsyncIterable<CryptoKey>) {
      if (await isSignedBy(key, token, alg)) return 'signed'
      if (--left === 0) break
    }
    return 'not signed'
  }
}

const isSignedBy = (key: CryptoKey, token: string, alg: string): Promise<boolean> =>
  compactVerify(token, key, { algorithms: [alg] }).then(
    () => true,
    () => false,
  )
