import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'

export const hashSecret = (secret: string): Promise<string> => sha256(secret, 'client-secret')

/** Whether the secret has one of these hashes. Timing: hashes are compared, and each one in constant time. */
export async function hasHash(secret: string, hashes: readonly string[]): Promise<boolean> {
  const given = await hashSecret(secret)
  return hashes.map((each) => constantTimeEqual(given, each)).includes(true)
}
