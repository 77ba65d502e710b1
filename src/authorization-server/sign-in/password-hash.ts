import { ConfigurationError } from '../../errors.ts'
import { base64url, fromBase64url, utf8 } from '../../lib/bytes.ts'
import { integer, optionError, readOptions, secret, secretError, type Option } from '../../lib/options.ts'
import type { Bytes } from '../../lib/web-types.ts'

/** A password hash, parsed. */
export interface PasswordHash {
  readonly iterations: number
  readonly salt: Bytes
  /** As base64url. */
  readonly digest: string
}

/** Options of {@link hashPassword}. */
export interface HashPasswordOptions {
  /**
   * Rounds of PBKDF2: 100 000–10 000 000. Default: 600 000, OWASP's count for PBKDF2-HMAC-SHA-256. Fewer
   * need `dangerouslyFewIterations` of `passwordSignIn`.
   */
  iterations?: number
}

/** OWASP's count for PBKDF2-HMAC-SHA-256 (Password Storage Cheat Sheet). */
export const standardIterations = 600_000
/** The most that WebCrypto does on Cloudflare Workers. */
export const fewestIterations = 100_000
const mostIterations = 10_000_000
/** In characters: NIST SP 800-63B §3.1.1.2 for a password that is the only factor. */
const shortestPassword = 15

/**
 * Hashes a password with PBKDF2-SHA-256 and a random salt, for the `users` of `passwordSignIn`: a PHC string
 * (`$pbkdf2-sha256$i=600000$salt$hash`). The password is hashed in Unicode's form NFC (RFC 8265 §4.2).
 *
 * Rejects with ConfigurationError if the password has fewer than 15 characters (NIST SP 800-63B, for a
 * password that is the only factor), an option is wrong, or the runtime refuses so many iterations.
 *
 * @see [PHC string format](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md)
 * @see [RFC 8018 §5.2](https://www.rfc-editor.org/rfc/rfc8018#section-5.2)
 *
 * @example
 * console.log(await hashPassword('correct horse battery staple'))
 */
export async function hashPassword(password: string, options: HashPasswordOptions = {}): Promise<string> {
  const text = secret().required(password, 'password')
  const problem = passwordProblem(text!)
  if (problem !== undefined) throw new ConfigurationError('password', problem)
  const { iterations } = readOptions('hashPassword', options, { iterations: iterationCount() })
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const digest = await derive(text!, salt, iterations!)
  return `$pbkdf2-sha256$i=${iterations}$${base64(base64url(salt))}$${base64(digest)}`
}

/** Why a new password is refused; it continues "The password". The message never has the password. */
export function passwordProblem(password: string): string | undefined {
  const { length } = [...password]
  // Brute force: a stolen hash of a short password is guessed, whatever the iterations.
  if (length >= shortestPassword) return undefined
  return `must have at least ${shortestPassword} characters, for example four words; got ${length}`
}

export const iterationCount = (): Option<number> =>
  integer({ min: fewestIterations, max: mostIterations }).default(standardIterations) as Option<number>

/**
 * A hash as `hashPassword` makes it, perhaps with the line break of a file. Throws a ConfigurationError that
 * says which part is wrong and never shows the hash.
 */
export function parsePasswordHash(value: unknown, name: string, fewest: number): PasswordHash {
  const text = typeof value === 'string' ? value.trim() : ''
  const example = '"$pbkdf2-sha256$i=600000$…$…"'
  const [, count, saltText = '', digestText = ''] =
    /^\$pbkdf2-sha256\$i=([1-9]\d{0,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text) ?? []
  if (count === undefined)
    throw secretError(
      name,
      `a hash of hashPassword(), such as ${example}`,
      value,
      /^\$(?:2[abxy]?|argon2\w+|scrypt|[56y])\$/.test(text)
        ? 'It is a hash of another function, for example bcrypt, and cannot be converted: hash the password anew'
        : 'Shells expand $: quote it',
    )
  const iterations = Number(count)
  if (iterations < fewest || iterations > mostIterations)
    throw optionError(name, `a hash with ${fewest} to ${mostIterations} iterations`, iterations, wayOut)
  const salt = fromBase64url(base64url64(saltText))
  if (salt === undefined || salt.length < 16 || salt.length > 64)
    throw secretError(name, 'a hash whose salt has 16 to 64 bytes', saltText)
  const digest = base64url64(digestText)
  if (fromBase64url(digest)?.length !== 32)
    throw secretError(name, 'a hash whose last part has 32 bytes, 43 characters of base64', digestText)
  return { iterations, salt, digest }
}

const wayOut = 'Make a new one with hashPassword(); on Cloudflare Workers see dangerouslyFewIterations'

/**
 * PBKDF2-SHA-256 of the password, as base64url. Rejects with ConfigurationError if the runtime refuses it.
 */
export async function derive(password: string, salt: Bytes, iterations: number): Promise<string> {
  const key = await crypto.subtle.importKey('raw', utf8(password.normalize('NFC')), 'PBKDF2', false, [
    'deriveBits',
  ])
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations }
  try {
    return base64url(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256)))
  } catch (error) {
    if ((error as Error).name !== 'NotSupportedError') throw error
    throw new ConfigurationError(
      'iterations',
      `must be fewer in this runtime, which refuses PBKDF2 with ${iterations}. Cloudflare Workers allow ` +
        `${fewestIterations}: hash a long generated password with hashPassword(password, { iterations: ` +
        `${fewestIterations} }) and set dangerouslyFewIterations`,
    )
  }
}

/** Standard base64 without padding, which PHC strings use. */
const base64 = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/')
const base64url64 = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_')
