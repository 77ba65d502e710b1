// Types of the Web for the emitted declarations. @types/node without the library "dom" has these as values
// only, and `Uint8Array<ArrayBuffer>` needs TypeScript 5.7: a user's compiler would find no such type.

/** A key of Web Crypto. */
export type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** A key pair of Web Crypto. */
export interface CryptoKeyPair {
  privateKey: CryptoKey
  publicKey: CryptoKey
}

/** A JSON Web Key (RFC 7517 §4, RFC 7518 §6). */
export interface JsonWebKey {
  alg?: string
  crv?: string
  d?: string
  dp?: string
  dq?: string
  e?: string
  ext?: boolean
  k?: string
  key_ops?: string[]
  kty?: string
  n?: string
  p?: string
  q?: string
  qi?: string
  use?: string
  x?: string
  y?: string
}

/** What a Response can have as its body. */
export type BodyInit = NonNullable<ConstructorParameters<typeof Response>[0]>

/** `Uint8Array<ArrayBuffer>`, as Web Crypto takes it; `Uint8Array` before TypeScript 5.7. */
export type Bytes = ReturnType<typeof Uint8Array.of>
