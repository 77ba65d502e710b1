import { OAuthError } from '../errors.ts'
import { hasDangerousScheme } from './dangerous-scheme.ts'
import { isLoopbackHost } from './loopback.ts'

/** Members that are only shown, or not even that. */
export interface DisplayedMetadata {
  client_name?: string
  client_uri?: string
  logo_uri?: string
  tos_uri?: string
  policy_uri?: string
  contacts?: readonly string[]
}

/**
 * The members that are only shown: an odd one is dropped, a dangerous one refuses the client (RFC 7591 §5).
 * The picture of a document must be https: its publisher can change that at any time.
 */
export function readDisplayed(
  raw: Record<string, unknown>,
  dropped: string[] | undefined,
  source?: string,
): DisplayedMetadata {
  const kept: Record<string, unknown> = {}
  const keep = (name: string, problem: string | undefined): void => {
    if (problem === undefined) kept[name] = raw[name]
    else if (dropped === undefined) throw invalidMetadata(`${name} ${problem}`)
    else dropped.push(`${name} ${problem}`)
  }
  for (const [name, value] of Object.entries(raw)) {
    const [base = ''] = name.split('#', 1)
    if (base === 'jwks_uri' || uriMembers.includes(base)) {
      if (isDangerous(base, value) || (base === 'logo_uri' && source !== 'registration' && isHttp(value)))
        throw invalidMetadata(`${base} is not an https URL`)
      // What is localized (RFC 7591 §2.2) is judged, and not shown.
      if (base === name && base !== 'jwks_uri')
        keep(name, isHttps(value) ? undefined : 'is not an https URL, or is too long')
    } else if (name === 'client_name') {
      keep(name, isShort(value) ? undefined : 'is not a text of at most 200 characters')
    } else if (name === 'contacts') {
      const list = Array.isArray(value) && value.length <= 5 && value.every(isShort)
      keep(name, list ? undefined : 'is not a list of at most 5 short texts')
    }
  }
  return kept
}

const uriMembers = ['client_uri', 'logo_uri', 'tos_uri', 'policy_uri']

const isShort = (value: unknown): boolean => typeof value === 'string' && value.length <= 200

/** Only shown, never fetched at registration; so the form is all there is to judge. */
function isHttps(uri: unknown): boolean {
  if (typeof uri !== 'string' || uri.length > 2048 || !/^https:\/\/[\x21-\x7e]+$/.test(uri)) return false
  if (!URL.canParse(uri)) return false
  const { username, password } = new URL(uri)
  return username === '' && password === ''
}

const isHttp = (uri: unknown): boolean => typeof uri === 'string' && /^http:/i.test(uri.trim())

/** A script, something of the system, an address inside a network (SSRF); a key set must be https. */
function isDangerous(name: string, uri: unknown): boolean {
  if (name === 'jwks_uri') return !isHttps(uri)
  if (typeof uri !== 'string') return false
  const text = uri.trim()
  if (hasDangerousScheme(text)) return true
  if (!isHttp(text) || !URL.canParse(text)) return false
  const { hostname } = new URL(text)
  return !isLoopbackHost(hostname) && /^(?:\[|[\d.]+$)/.test(hostname)
}

export const invalidMetadata = (problem: string): OAuthError =>
  new OAuthError('invalid_client_metadata', problem)
