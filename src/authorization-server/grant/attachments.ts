import { ConfigurationError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { sealedCodec, storedCodec, type SealedCodec } from '../../lib/codec.ts'
import { requireJson } from '../../lib/options.ts'
import type { Sealer } from '../../lib/sealer.ts'
import { sealContext } from '../seal-context.ts'

/** What the application attaches to a grant at sign-in, and the upstream's tokens: any JSON value, sealed. */
export type AttachmentKind = 'props' | 'upstream'

interface Attachment {
  value: unknown
}

/** The most bytes of JSON of each. */
export const maxAttachment = 16_000
/** Of upstream tokens that are written again: with a lease, or renewed. */
export const maxTokens = 18_000

const codecs: Record<AttachmentKind, SealedCodec<Attachment>> = {
  props: sealedCodec('seal', storedCodec<Attachment>('props', { value: 'any' })),
  upstream: sealedCodec('seal', storedCodec<Attachment>('upstream', { value: 'any' })),
}

/** Seals what belongs to a grant, so that it cannot be copied to another grant's record. */
export async function sealForGrant(
  sealer: Sealer,
  issuer: string,
  grantId: string,
  kind: AttachmentKind,
  value: unknown,
  option: string = `identity.${kind}`,
  max: number = maxAttachment,
): Promise<string> {
  requireJson(value, option)
  const text = JSON.stringify(value)
  if (text === undefined || utf8(text).length > max)
    throw new ConfigurationError(option, `must be JSON of at most ${max} bytes`)
  return codecs[kind].seal(sealer, sealContext(issuer, `${grantId}:${kind}`), { value })
}

/** The value; undefined if it was tampered with or sealed for another grant. */
export function openForGrant(
  sealer: Sealer,
  issuer: string,
  grantId: string,
  kind: AttachmentKind,
  sealed: string,
): Promise<Attachment | undefined> {
  return codecs[kind].open(sealer, sealContext(issuer, `${grantId}:${kind}`), sealed)
}
