import { UnavailableError } from '../errors.ts'
import type { Awaitable, StoreRecord } from '../types.ts'
import type { ExpiringStore } from './contract.ts'

/** What is to happen to a record: a write, a deletion (`null`), or nothing; and what the caller gets then. */
export interface Verdict<T> {
  readonly write?: { readonly value: string; readonly expiresAt?: number } | null | undefined
  readonly result: T
}

/** How many of the writes may fail with an exception. */
const failures = 2

/**
 * Changes one record, on condition that no other caller did meanwhile: reads, lets `judge` decide, and writes if the version
 * still stands. A lost write is not a lost race, so the record is read and judged again, `attempts` times (default 5); then 503.
 *
 * An exception says nothing about the write: its answer may be lost while the write stands. If the record holds exactly what was
 * written, the result counts. Otherwise `judge` runs again with `mayStand`: a write of this very call may have come before what
 * is there now. It must accept nothing but that write of its own.
 *
 * Rejects with what the store threw at the second exception, and with what `judge` throws.
 */
export async function update<T>(
  store: ExpiringStore,
  key: string,
  judge: (found: StoreRecord | undefined, mayStand: boolean) => Awaitable<Verdict<T>>,
  { attempts = 5 }: { attempts?: number } = {},
): Promise<T> {
  let failed = 0
  let lost: Verdict<T> | undefined
  for (let i = 0; i < attempts; i++) {
    if (i > 0) await spread(i)
    const found = await store.get(key)
    if (lost !== undefined && stands(lost.write, found)) return lost.result
    const verdict = await judge(found, failed > 0)
    const { write } = verdict
    if (write === undefined || (write === null && found === undefined)) return verdict.result
    lost = undefined
    try {
      if (await put(store, key, write, found?.version ?? null)) return verdict.result
    } catch (error) {
      if (++failed === failures) throw error
      lost = verdict
    }
  }
  throw new UnavailableError('Too many at once; try again')
}

async function put(
  store: ExpiringStore,
  key: string,
  write: { readonly value: string; readonly expiresAt?: number } | null,
  ifVersion: string | null,
): Promise<boolean> {
  if (write === null) return ifVersion !== null && store.delete(key, { ifVersion })
  const { value, expiresAt } = write
  const expiry = expiresAt === undefined ? {} : { expiresAt }
  return (await store.put(key, value, { ifVersion, ...expiry })) !== undefined
}

const stands = (write: Verdict<unknown>['write'], found: StoreRecord | undefined): boolean =>
  found !== undefined && write?.value === found.value && write.expiresAt === found.expiresAt

/** Waits for a random while, up to 100 ms and longer from try to try, so that racers do not meet again in step. */
const spread = (attempt: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, crypto.getRandomValues(new Uint8Array(1))[0]! % Math.min(2 ** attempt, 100))
  })
