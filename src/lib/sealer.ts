import { base64url, concat, fromBase64url, fromUtf8, utf8 } from './bytes.ts'
import type { Bytes } from './web-types.ts'

/** What a subkey is for. A key of one purpose opens nothing of another. */
export type Purpose =
  | 'seal'
  | 'client-id'
  | 'cookie'
  | 'successor'
  | 'key-wrap'
  | 'access-token'
  | 'code'
  | 'form'
  | 'session'
  | 'cache'

/** The deployment secret, or several: the first makes, all open. */
export class Sealer {
  protected readonly secrets: readonly Bytes[]
  readonly #sealKeys = new Map<string, Promise<CryptoKey>>()

  /** Each secret has at least 32 bytes of UTF-8; the caller has checked it. */
  constructor(secrets: readonly string[]) {
    this.secrets = secrets.map(utf8)
  }

  /** AES-256-GCM, fresh nonce; `context` is authenticated and not contained: `open` needs the same one. */
  async seal(purpose: Purpose, context: string, plaintext: string): Promise<string> {
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const key = await this.#key(0, purpose)
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(context) }
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, utf8(plaintext)))
    return base64url(concat(iv, sealed))
  }

  /** The plaintext, or undefined: not ours, tampered with, or of another context. */
  async open(purpose: Purpose, context: string, sealed: string): Promise<string | undefined> {
    const bytes = fromBase64url(sealed)
    if (bytes === undefined || bytes.length < 28) return undefined
    const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, 12), additionalData: utf8(context) }
    for (let i = 0; i < this.secrets.length; i++) {
      const key = await this.#key(i, purpose)
      try {
        return fromUtf8(new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes.subarray(12))))
      } catch {
        // Not sealed with this secret.
      }
    }
    return undefined
  }

  #key(index: number, purpose: Purpose): Promise<CryptoKey> {
    return this.derived(this.#sealKeys, index, purpose, deriveSeal)
  }

  /** The subkey of this purpose under this secret, derived once. */
  protected derived<T>(
    keys: Map<string, Promise<T>>,
    index: number,
    purpose: Purpose,
    derive: (secret: Bytes, purpose: Purpose) => Promise<T>,
  ): Promise<T> {
    const name = `${index}:${purpose}`
    let key = keys.get(name)
    if (key === undefined) {
      key = derive(this.secrets[index]!, purpose)
      keys.set(name, key)
    }
    return key
  }
}

async function deriveSeal(secret: Bytes, purpose: Purpose): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey'])
  const algorithm = { name: 'AES-GCM', length: 256 }
  return crypto.subtle.deriveKey(hkdf(`${purpose}/AES-GCM`), base, algorithm, false, ['encrypt', 'decrypt'])
}

/** HKDF with SHA-256 (RFC 5869). */
export const hkdf = (info: string): { name: string; hash: string; salt: Bytes; info: Bytes } => ({
  name: 'HKDF',
  hash: 'SHA-256',
  salt: utf8('tollgate'),
  info: utf8(info),
})
