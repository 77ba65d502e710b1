import { recordCodec, type Codec } from '../lib/codec.ts'

/** What a sign-in keeps in the browser, sealed by the server, until the provider answers. */
export interface KeptSignIn {
  /** PKCE (RFC 7636). */
  verifier: string
  /** OpenID Connect Core §3.1.2.1. */
  nonce: string
}

export const keptSignIn: Codec<KeptSignIn> = recordCodec<KeptSignIn>('upstream sign-in', {
  verifier: 'string',
  nonce: 'string',
})
