import { ConfigurationError } from '../errors.ts'
import { checkOptions } from '../lib/options.ts'
import type { AudienceRule, Provider } from '../types.ts'

/** What every preset takes. */
export interface CommonOptions {
  /** The application registered at the provider; for sign-in and introspection. */
  clientId?: string
  /** Its secret. */
  clientSecret?: string
  /** Dotted paths of further claims to read scopes from, for example `permissions`. Mind that roles say what a *user* may do, not what the client was granted. */
  scopeClaims?: readonly string[]
}

const common = ['clientId', 'clientSecret', 'scopeClaims']

/** Options are checked before anything is built from them. */
export function checkPreset(name: string, options: object, known: readonly string[]): void {
  checkOptions(name, options, [...known, ...common])
}

/** The preset's data, with the credentials where a log does not find them. */
export function preset(data: Provider, { clientId, clientSecret }: CommonOptions = {}): Provider {
  if (clientSecret === undefined) return data
  const credentials = {
    clientId: required('clientId', clientId),
    clientSecret: required('clientSecret', clientSecret),
  }
  return Object.defineProperty({ ...data }, 'credentials', { value: credentials, enumerable: false })
}

/** A string that must be there. */
export function required(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigurationError(option, 'is missing')
}

/** A bare host name with an optional port, as providers show it: no scheme, no path. */
export function host(option: string, value: unknown): string {
  const text = required(option, value)
  const url = URL.canParse(`https://${text}`) ? new URL(`https://${text}`) : undefined
  if (url === undefined || url.host !== text)
    throw new ConfigurationError(
      option,
      `must be a bare lower-case host name, for example example.com, not ${JSON.stringify(text)}`,
    )
  return text
}

/** One path segment, taken literally. */
export function segment(option: string, value: unknown): string {
  const text = required(option, value)
  if (!/^[A-Za-z0-9._~-]+$/.test(text) || /^\.+$/.test(text))
    throw new ConfigurationError(option, `must be letters, digits and \`._~-\`, not ${JSON.stringify(text)}`)
  return text
}

/** An `https:` URL without query and fragment (http on loopback); without the trailing slash unless it is kept. */
export function base(option: string, value: unknown, keepSlash: boolean = false): string {
  const text = required(option, value)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const loopback = url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (
    url === undefined ||
    !(url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) ||
    /[?#]/.test(text)
  )
    throw new ConfigurationError(option, 'must be an https URL without query and fragment')
  return keepSlash ? text : text.replace(/\/+$/, '')
}

/** One value or several, none of them empty. */
export function list(option: string, value: unknown): readonly string[] {
  const values = Array.isArray(value) ? value : [value]
  if (values.length === 0) throw new ConfigurationError(option, 'is empty')
  return values.map((each) => required(option, each))
}

/** Fixed audiences where the provider has its own, else the resource itself. */
export function audience(value: unknown): AudienceRule {
  return value === undefined ? 'resource' : { aud: list('audience', value) }
}
