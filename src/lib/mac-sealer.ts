import { base64url, utf8 } from './bytes.ts'
import { hmacSha256 } from './hash.ts'
import { hkdf, Sealer, type Purpose } from './sealer.ts'
import type { Bytes } from './web-types.ts'

type Mac = (message: Uint8Array) => Uint8Array

/**
 * A sealer that also computes MACs under subkeys of the secret. Apart from it, so that the guard does not
 * ship a hash function.
 */
export class MacSealer extends Sealer {
  readonly #macs = new Map<string, Promise<Mac>>()

  /** HMAC-SHA-256 as base64url, with the first secret. */
  async mac(purpose: Purpose, text: string): Promise<string> {
    return this.#mac(0, purpose, text)
  }

  /**
   * The MACs under every secret, the first one first: for a comparison that outlives a change of the
   * secret.
   */
  async macs(purpose: Purpose, text: string): Promise<string[]> {
    return Promise.all(this.secrets.map((_, i) => this.#mac(i, purpose, text)))
  }

  async #mac(index: number, purpose: Purpose, text: string): Promise<string> {
    const mac = await this.derived(this.#macs, index, purpose, deriveMac)
    return base64url(mac(utf8(text)))
  }
}

async function deriveMac(secret: Bytes, purpose: Purpose): Promise<Mac> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  return hmacSha256(new Uint8Array(await crypto.subtle.deriveBits(hkdf(`${purpose}/HMAC`), base, 256)))
}
