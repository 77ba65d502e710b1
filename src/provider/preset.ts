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
  /** Where the key set is, if the guard reaches it under another address than users do (Docker Compose, a private network). Default: the provider's own. */
  jwksUri?: string
  /** The JWS algorithms that the provider is configured to sign with, asymmetric ones only. Default: what it can be configured to. */
  algorithms?: readonly string[]
}

/** What a preset takes whose access tokens are opaque. */
export type OpaqueOptions = Omit<CommonOptions, 'jwksUri' | 'algorithms'>

const common = ['clientId', 'clientSecret', 'scopeClaims']
const ofKeys = ['jwksUri', 'algorithms']

/** Options are checked before anything is built from them. */
export function checkPreset(name: string, options: object, known: readonly string[]): void {
  checkOptions(name, options, [...known, ...common, ...ofKeys])
}

/** As {@link checkPreset}, for a provider whose access tokens are opaque: there is no key set. */
export function checkOpaquePreset(name: string, options: object, known: readonly string[]): void {
  checkOptions(name, options, [...known, ...common])
}

/** The preset's data, with the credentials where a log does not find them. */
export function preset(
  provider: Provider,
  options: { readonly [K in keyof CommonOptions]: CommonOptions[K] | undefined } = {},
): Provider {
  const { clientId, clientSecret, jwksUri, algorithms } = options
  const data = provider.jwt === undefined ? provider : { ...provider, jwt: { ...provider.jwt } }
  if (jwksUri !== undefined && data.jwt !== undefined)
    Object.assign(data.jwt, { jwksUri: base('jwksUri', jwksUri, true) })
  if (algorithms !== undefined && data.jwt !== undefined)
    Object.assign(data.jwt, { algorithms: asymmetric(algorithms) })
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

/**
 * An http or https URL without query and fragment; without the trailing slash unless it is kept. Whether http is allowed is decided by the
 * resource server, which knows `dangerouslyAllowHttp`.
 */
export function base(option: string, value: unknown, keepSlash: boolean = false): string {
  const text = required(option, value)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || /[?#]/.test(text))
    throw new ConfigurationError(
      option,
      `must be an https URL without query and fragment, not ${JSON.stringify(text)}`,
    )
  return keepSlash ? text : text.replace(/\/+$/, '')
}

/** JWS algorithms beside a key set: a symmetric one would turn the public key into a secret (RFC 8725 §3.1). */
function asymmetric(algorithms: unknown): readonly string[] {
  const values = list('algorithms', algorithms)
  for (const each of values)
    if (!/^(?:[RPE]S(?:256|384|512)|EdDSA|Ed25519)$/.test(each))
      throw new ConfigurationError(
        'algorithms',
        `must be asymmetric JWS algorithms, not ${JSON.stringify(each)}`,
      )
  return values
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
