import { defined } from '../lib/defined.ts'
/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Parameter names are in lower case. */
export interface Challenge {
  scheme: string
  parameters: Record<string, string>
  token68?: string
}

/**
 * The challenges of a `WWW-Authenticate` header, which may have several. Tolerant, and linear in its
 * length: what cannot be understood is passed over. Of two parameters with one name the first counts.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let current: Challenge | undefined
  let at = 0
  while (at < header.length) {
    const start = skip(header, at, isSeparator)
    const end = skip(header, start, isTokenChar)
    const next = skip(header, end, isSpace)
    if (end === start) {
      // A stray quoted string is passed over whole, so that nothing inside it becomes a challenge.
      at = header[start] === '"' ? readQuoted(header, start).end : start + 1
    } else if (header[next] === '=') {
      const { value, end: after } = readValue(header, skip(header, next + 1, isSpace))
      if (current !== undefined)
        addParameter(current.parameters, header.slice(start, end).toLowerCase(), value)
      at = after
    } else {
      current = { scheme: header.slice(start, end), parameters: {} }
      challenges.push(current)
      const after = next > end ? endOfToken68(header, next) : undefined
      if (after !== undefined) current.token68 = header.slice(next, after)
      at = after ?? next
    }
  }
  return challenges
}

/** A challenge as it stands in the header. Values are quoted, without what cannot stand in a header. */
export function formatChallenge({ scheme, parameters, token68 }: Challenge): string {
  if (token68 !== undefined) return `${scheme} ${token68}`
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${quote(value)}"`)
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`
}

/**
 * The challenge: the one Bearer challenge of a refused request (RFC 6750 §3, RFC 9728 §5.1). The description
 * stands last
 * and without anything that a client which searches for `scope=` or `error=` could take for a parameter.
 */
export function bearerChallenge(challenge: {
  error?: string | undefined
  scope?: readonly string[] | undefined
  resourceMetadata?: string | undefined
  description?: string | undefined
  extra?: Readonly<Record<string, string>>
}): string {
  const { error, scope, resourceMetadata, description, extra } = challenge
  const parameters = defined({
    error,
    scope: scope?.join(' ') || undefined,
    resource_metadata: resourceMetadata,
    ...extra,
    error_description: description?.replaceAll(/["\\=]/g, ''),
  })
  return formatChallenge({ scheme: 'Bearer', parameters })
}

const quote = (value: string): string =>
  value.replaceAll(/[^\x20-\x7e]/g, '').replaceAll(/["\\]/g, String.raw`\$&`)

function readValue(text: string, from: number): { value: string; end: number } {
  if (text[from] === '"') return readQuoted(text, from)
  const end = skip(text, from, (code) => !isSeparator(code))
  return { value: text.slice(from, end), end }
}

/** RFC 9110 §5.6.4. One that is not closed ends with the header. */
function readQuoted(text: string, from: number): { value: string; end: number } {
  let value = ''
  let at = from + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\' && at + 1 < text.length) at++
    value += text[at++]
  }
  return { value, end: at + 1 }
}

/** The end of a token68 that a comma or the end follows; undefined if parameters or another scheme follow. */
function endOfToken68(text: string, from: number): number | undefined {
  const chars = skip(text, from, isToken68Char)
  if (chars === from) return undefined
  const end = skip(text, chars, (code) => code === 0x3d)
  const next = skip(text, end, isSpace)
  return next === text.length || text[next] === ',' ? end : undefined
}

/** `__proto__` is a name like any other. */
function addParameter(parameters: Record<string, string>, name: string, value: string): void {
  if (Object.hasOwn(parameters, name)) return
  Object.defineProperty(parameters, name, { value, enumerable: true, configurable: true, writable: true })
}

function skip(text: string, from: number, accepts: (code: number) => boolean): number {
  let at = from
  while (at < text.length && accepts(text.charCodeAt(at))) at++
  return at
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09
const isSeparator = (code: number): boolean => isSpace(code) || code === 0x2c
const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a)
/** RFC 9110 §5.6.2 */
const isTokenChar = (code: number): boolean =>
  isAlphanumeric(code) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code))
/** RFC 9110 §11.2 */
const isToken68Char = (code: number): boolean =>
  isAlphanumeric(code) || '-._~+/'.includes(String.fromCharCode(code))
