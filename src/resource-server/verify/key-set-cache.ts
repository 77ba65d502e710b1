import { forgiving } from '../../cache/contract.ts'
import { recordCodec, type Codec } from '../../lib/codec.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { within } from '../../lib/within.ts'
import type { Cache } from '../../types.ts'
import { readKeySet, type VerificationKey } from './jwk.ts'
import { freshness } from './key-set-request.ts'

/** A key set that an instance fetched, as instances share it. */
export interface KnownKeySet {
  readonly keys: readonly VerificationKey[]
  /** When it was fetched, in seconds since the epoch. */
  readonly at: number
  readonly freshUntil: number
  /** The issuer publishes more keys than are read. */
  readonly truncated: boolean
}

export interface KeySetRecord {
  keys: unknown[]
  at: number
  freshUntil: number
  truncated?: true
}

export const keySetCodec: Codec<KeySetRecord> = recordCodec<KeySetRecord>('key set', {
  keys: 'list',
  at: 'number',
  freshUntil: 'number',
  truncated: 'true?',
})

/** Seconds after which a cache is passed over. */
const deadline = 2

/** The key set of one issuer in the cache that instances share. */
export class KeySetCache {
  readonly #cache: Cache | undefined
  readonly #name: string
  readonly #runtime: ResolvedRuntime

  constructor(
    cache: Cache | undefined,
    issuer: string,
    jwksUri: string | undefined,
    runtime: ResolvedRuntime,
  ) {
    this.#cache = cache && forgiving(cache, runtime.failed)
    this.#name = `jwks:${issuer}${jwksUri === undefined ? '' : ` ${jwksUri}`}`
    this.#runtime = runtime
  }

  /** Undefined if the cache has no usable key set, or does not answer in time. */
  async read(): Promise<KnownKeySet | undefined> {
    if (this.#cache === undefined) return undefined
    const text = (await within(deadline, this.#cache.get(this.#name)))?.value
    const record = text === undefined ? undefined : keySetCodec.decode(text)
    const keys = readKeySet(record) ?? []
    if (record === undefined || keys.length === 0) return undefined
    const { at, freshUntil, truncated = false } = record
    // Cache poisoning: no entry is from the future or fresh beyond the bounds.
    if (at > this.#runtime.clock() || freshUntil > at + freshness.max) return undefined
    return { keys, at, freshUntil, truncated }
  }

  async write({ keys, at, freshUntil, truncated }: KnownKeySet, ttl: number): Promise<void> {
    if (this.#cache === undefined) return
    const record = { keys: keys.map(({ jwk }) => jwk), at, freshUntil, ...(truncated && { truncated }) }
    const written = this.#cache.put(this.#name, keySetCodec.encode(record), { ttl })
    if (this.#runtime.waitUntil === undefined) await within(deadline, written)
    else this.#runtime.waitUntil(written)
  }
}
