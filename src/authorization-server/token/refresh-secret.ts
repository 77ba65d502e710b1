import { constantTimeEqual } from '../../lib/equal.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'

/**
 * The secret part of a refresh token: its generation in 5 characters, and 22 characters (132 bits) of an HMAC
 * of grant, series and generation. So all racers compute the same successor without another write. A token
 * also proves its generation: if it is newer than that in the store, this server has issued it and the store
 * has lost the rotation (a failover); if it is older, it is a replay.
 *
 * To compute one takes the deployment secret and the series, of which the store has a hash only.
 */
export interface RefreshSecrets {
  /** The secret of this generation under each deployment secret. The first one is issued. */
  of(generation: number): Promise<string[]>
  /** The generation that this secret proves; undefined if no deployment secret has made it. */
  generationOf(secret: string): Promise<number | undefined>
}

export function refreshSecrets(sealer: MacSealer, grantId: string, series: string): RefreshSecrets {
  const of = async (generation: number): Promise<string[]> => {
    const macs = await sealer.macs('successor', `${grantId}\n${series}\n${generation}`)
    return macs.map((mac) => generation.toString(36).padStart(5, '0') + mac.slice(0, 22))
  }
  return {
    of,
    async generationOf(secret) {
      const digits = /^[0-9a-z]{5}/.exec(secret)?.[0]
      if (digits === undefined) return undefined
      const generation = Number.parseInt(digits, 36)
      return (await of(generation)).some((each) => constantTimeEqual(each, secret)) ? generation : undefined
    },
  }
}
