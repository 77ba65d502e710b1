import { DPoP, modifyAssertion, type DPoPHandle } from 'oauth4webapi'
import { refused } from '../errors.ts'
import type { Clock } from '../../types.ts'
import type { ServerRecord } from '../storage/records.ts'

/** The client's key for sender-constrained tokens (RFC 9449). */
export interface DpopKey {
  /** Whether tokens from this server are bound to the key. */
  wanted(server: ServerRecord): boolean
  handle(): Promise<DPoPHandle>
  thumbprint(): Promise<string>
}

/** Of ES256. */
const curve = { name: 'ECDSA', namedCurve: 'P-256' }

/** With `true` the key is made when first needed, cannot be exported and ends with the process. */
export function dpopKey(option: boolean | CryptoKeyPair | undefined, clock: Clock): DpopKey {
  let made: Promise<DPoPHandle> | undefined
  const make = async (): Promise<DPoPHandle> => {
    const pair =
      typeof option === 'object' ? option : await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])
    // The one clock decides here, too.
    return DPoP({}, pair, { [modifyAssertion]: (_, payload) => void (payload['iat'] = Math.floor(clock())) })
  }
  const handle = (): Promise<DPoPHandle> => (made ??= make())
  return {
    wanted({ metadata, dpopRequired = false }) {
      if (dpopRequired && option === false)
        throw refused('dpop_required', 'The server demands DPoP, and the option dpop is false')
      return dpopRequired || (Boolean(option) && metadata.dpop_signing_alg_values_supported !== undefined)
    },
    handle,
    thumbprint: async () => (await handle()).calculateThumbprint(),
  }
}
