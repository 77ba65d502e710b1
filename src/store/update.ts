import { defined } from '../lib/defined.ts'
import { UnavailableError } from '../errors.ts'
import type { Awaitable, StoreRecord } from '../types.ts'
import type { ExpiringStore } from './contract.ts'

/** What happens to a record: a write, a deletion (`null`) or nothing; and the result for the caller. */
export interface Verdict<T> {
  readonly write?: { readonly value: string; readonly expiresAt?: number } | null | undefined
  readonly result: T
}

/** The exception that is passed on: the first one is survived. */
const maxExceptions = 2

/**
 * The one conditional write: reads the record, lets `judge` decide, and writes if the record is still the
 * same version.
 * If another caller was first, the record is read and judged again, up to `attempts` times (default 5).
 *
 * After an exception the write may stand, and only its answer is lost. If the record is exactly what was
 * written, the
 * result counts. Otherwise `judge` runs again with `mayStand`: a write of this call may have come before the
 * present
 * one. `judge` must accept no other write for that reason.
 *
 * Rejects with UnavailableError after the last attempt, with the second exception of the store, and with what
 * `judge`
 * throws.
 */
export async function update<T>(
  store: ExpiringStore,
  key: string,
  judge: (found: StoreRecord | undefined, mayStand: boolean) => Awaitable<Verdict<T>>,
  { attempts = 5 }: { attempts?: number } = {},
): Promise<T> {
  let exceptions = 0
  let lost: Verdict<T> | undefined
  for (let i = 0; i < attempts; i++) {
    if (i > 0) await waitRandomly(i)
    const found = await store.get(key)
    if (lost !== undefined && isWritten(lost.write, found)) return lost.result
    const verdict = await judge(found, exceptions > 0)
    const { write } = verdict
    if (write === undefined || (write === null && found === undefined)) return verdict.result
    lost = undefined
    try {
      if (await put(store, key, write, found?.version ?? null)) return verdict.result
    } catch (error) {
      if (++exceptions === maxExceptions) throw error
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
  return (await store.put(key, value, { ifVersion, ...defined({ expiresAt }) })) !== undefined
}

const isWritten = (write: Verdict<unknown>['write'], found: StoreRecord | undefined): boolean =>
  found !== undefined && write?.value === found.value && write.expiresAt === found.expiresAt

/**
 * Waits for a random time, which grows with each attempt up to 100 ms, so that racers do not collide again.
 */
const waitRandomly = (attempt: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, crypto.getRandomValues(new Uint8Array(1))[0]! % Math.min(2 ** attempt, 100))
  })
