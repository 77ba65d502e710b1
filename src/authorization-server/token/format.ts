import { base64url, utf8 } from '../../lib/bytes.ts'
import { sha256Bytes } from '../../lib/hash.ts'

// The grammar of everything that a client is given. Parts are separated by a dot; each has 27 characters of
// base64url, at least 132 random bits. The number of parts and their length are the version of the form:
// another form is refused like a wrong token.
//
//   code                  <grant id>.<secret>
//   refresh token         <grant id>.<series>.<secret>
//   jti of a JWT          <grant id>.<random>
//   opaque access token   tga_<8 characters that name the issuer><sealed claims>

export interface Code {
  readonly grantId: string
  readonly secret: string
}

export interface RefreshToken {
  readonly grantId: string
  /** The same for all refresh tokens of the grant. */
  readonly series: string
  readonly secret: string
}

export const formatCode = ({ grantId, secret }: Code): string => `${grantId}.${secret}`

export function parseCode(text: string): Code | undefined {
  const [grantId, secret] = splitParts(text, 2) ?? []
  return grantId === undefined || secret === undefined ? undefined : { grantId, secret }
}

export const formatRefreshToken = ({ grantId, series, secret }: RefreshToken): string =>
  `${grantId}.${series}.${secret}`

export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [grantId, series, secret] = splitParts(text, 3) ?? []
  return grantId === undefined || series === undefined || secret === undefined
    ? undefined
    : { grantId, series, secret }
}

export const formatJti = (grantId: string, random: string): string => `${grantId}.${random}`

/** The grant that a code, a refresh token or a `jti` names. Nothing is verified. */
export function namedGrant(text: string): string | undefined {
  const [grantId] = text.split('.', 1)
  return grantId !== undefined && isPart(grantId) ? grantId : undefined
}

/**
 * What this issuer's opaque access tokens begin with. No JWT begins so and no other issuer's token, so a
 * guard with several issuers can tell which one is to verify it.
 */
export const opaquePrefixOf = (issuer: string): string =>
  `tga_${base64url(sha256Bytes(utf8(issuer))).slice(0, 8)}`

function splitParts(text: string, count: number): string[] | undefined {
  const parts = text.split('.')
  return parts.length === count && parts.every(isPart) ? parts : undefined
}

const isPart = (text: string): boolean => /^[A-Za-z0-9_-]{27}$/.test(text)
