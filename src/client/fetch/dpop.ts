import { DPoP, modifyAssertion, type DPoPHandle } from 'oauth4webapi'
import type { Clock } from '../../types.ts'
import type { DpopKey } from '../context.ts'
import { serverError } from '../../http/answers.ts'
import type { CryptoKeyPair } from '../../lib/web-types.ts'

/** Of ES256. */
const curve = { name: 'ECDSA', namedCurve: 'P-256' }

/**
 * With `true` the key is made when it is first needed, cannot be exported and is lost when the process ends.
 */
export function createDpopKey(option: boolean | CryptoKeyPair | undefined, clock: Clock): DpopKey {
  let made: Promise<DPoPHandle> | undefined
  const make = async (): Promise<DPoPHandle> => {
    const pair =
      typeof option === 'object' ? option : await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])
    // The client's clock counts here, too.
    return DPoP({}, pair, { [modifyAssertion]: (_, payload) => void (payload['iat'] = Math.floor(clock())) })
  }
  const handle = (): Promise<DPoPHandle> => (made ??= make())
  return {
    isUsedFor({ metadata, dpopRequired = false }) {
      if (dpopRequired && option === false)
        throw serverError('dpop_required', 'The server demands DPoP, and the option "dpop" is false')
      return dpopRequired || (Boolean(option) && metadata.dpop_signing_alg_values_supported !== undefined)
    },
    handle,
    thumbprint: async () => (await handle()).calculateThumbprint(),
  }
}
