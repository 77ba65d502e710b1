import { defined } from '../lib/defined.ts'
import {
  clientSecret,
  custom,
  filledList,
  matching,
  oneOf,
  optionError,
  strings,
  text,
  url,
  type OptionalOption,
  type OptionalRows,
} from '../lib/options.ts'
import type { AudienceRule, Provider } from '../types.ts'

/** What every preset takes. A preset that only verifies needs no client. */
export interface CommonOptions {
  /** The application registered at the provider; for sign-in and introspection. */
  clientId?: string
  /** Its secret. */
  clientSecret?: string
  /**
   * Dotted paths of further claims to read scopes from, for example `permissions`. Mind that roles say what
   * a *user* may do, not what the client was granted.
   */
  scopeClaims?: readonly string[]
  /**
   * Where the key set is, if the guard reaches it under another address than users do (Docker Compose, a
   * private network). Default: the provider's own.
   */
  jwksUri?: string
  /**
   * The JWS algorithms that the provider is configured to sign with, asymmetric ones only. Default: what it
   * can be configured to.
   */
  algorithms?: readonly string[]
}

/** What a preset takes whose access tokens are opaque. */
export type OpaqueOptions = Omit<CommonOptions, 'jwksUri' | 'algorithms'>

/** The rows of {@link OpaqueOptions}. */
export const opaqueOptions = (): OptionalRows<OpaqueOptions> => ({
  clientId: text(),
  clientSecret: clientSecret(),
  scopeClaims: strings(),
})

/** The rows of {@link CommonOptions}. */
export const commonOptions = (): OptionalRows<CommonOptions> => ({
  ...opaqueOptions(),
  jwksUri: base(true),
  algorithms: algorithms(),
})

/**
 * The preset's data, with the credentials in a property that is not enumerable, so that no log shows them.
 */
export function preset(
  provider: Provider,
  options: {
    readonly clientId?: string | undefined
    readonly clientSecret?: string | undefined
    readonly jwksUri?: string | undefined
    readonly algorithms?: readonly string[] | undefined
  },
): Provider {
  const { clientId, clientSecret, jwksUri, algorithms } = options
  const data = {
    ...provider,
    ...(provider.jwt && { jwt: { ...provider.jwt, ...defined({ jwksUri, algorithms }) } }),
  }
  if (clientSecret === undefined) return { ...data, ...defined({ clientId }) }
  const credentials = { clientId: text().required(clientId, 'clientId'), clientSecret }
  return Object.defineProperty(data, 'credentials', { value: credentials, enumerable: false })
}

/** A bare host name with an optional port, as providers show it: no scheme, no path. */
export const host = (): OptionalOption<string> =>
  matching(
    'a bare lower-case host name, for example example.com',
    (value) =>
      typeof value === 'string' &&
      URL.canParse(`https://${value}`) &&
      new URL(`https://${value}`).host === value,
  )

/** One path segment, taken literally. */
export const segment = (): OptionalOption<string> =>
  text('one path segment of letters, digits and `._~-`', /^(?!\.+$)[A-Za-z0-9._~-]+$/)

/**
 * An http or https URL without query and fragment, and without its trailing slash unless that is kept. The
 * resource server decides whether http is allowed: it knows `dangerouslyAllowHttp`.
 */
export const base = (keepSlash: boolean = false): OptionalOption<string> => {
  const row = url(
    'an https URL without user information, query and fragment',
    ({ protocol, username }, text) => /^https?:$/.test(protocol) && username === '' && !/[?#]/.test(text),
  )
  if (keepSlash) return row
  return custom(row.what, (value, name) => row.required(value, name).replace(/\/+$/, ''))
}

/** JWS algorithms beside a key set. With a symmetric one the public key would be a secret (RFC 8725 §3.1). */
const algorithms = (): OptionalOption<readonly string[]> => {
  const asymmetric = /^(?:[RPE]S(?:256|384|512)|EdDSA|Ed25519)$/
  const what = 'an asymmetric JWS algorithm, for example "ES256"'
  return filledList(matching(what, (value) => typeof value === 'string' && asymmetric.test(value)))
}

/** One value or several, none of them empty. */
export const oneOrMore = (): OptionalOption<readonly string[]> => {
  const what = 'a non-empty string, or a list of at least one'
  return custom(what, (value, name) => {
    if (Array.isArray(value) && value.length > 0) return strings().required(value, name)
    if (typeof value !== 'string' || value === '') throw optionError(name, what, value)
    return [value]
  })
}

/** What tools call a provider that has no name of its own. */
export const providerName = (): OptionalOption<string> =>
  text('a name of lower-case letters, digits and `-`', /^[a-z][a-z0-9-]{0,31}$/)

/** How a provider takes the client's secret. */
export const clientAuth = (): OptionalOption<'client_secret_basic' | 'client_secret_post'> =>
  oneOf(['client_secret_basic', 'client_secret_post'])

/** Fixed audiences, or else the resource itself. */
export const audienceRule = (audiences: readonly string[] | undefined): AudienceRule =>
  audiences === undefined ? 'resource' : { aud: audiences }
