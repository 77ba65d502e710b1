/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Parameter names are in lower case. */
export interface Challenge {
  scheme: string
  parameters: Record<string, string>
  token68?: string
}

/**
 * The challenges of a `WWW-Authenticate` header, several of them where it has several. Tolerant and linear: what cannot be
 * understood is passed over. The first of two equal parameters counts.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let current: Challenge | undefined
  let at = 0
  while (at < header.length) {
    at = skip(header, at, isSeparator)
    const start = at
    at = skip(header, at, isTokenChar)
    if (at === start) {
      at++
      continue
    }
    const word = header.slice(start, at)
    const afterSpace = skip(header, at, isSpace)
    if (header[afterSpace] === '=' && current !== undefined && !startsToken68(header, at, afterSpace)) {
      const valueStart = skip(header, afterSpace + 1, isSpace)
      const { value, end } = readValue(header, valueStart)
      const name = word.toLowerCase()
      if (!Object.hasOwn(current.parameters, name)) define(current.parameters, name, value)
      at = end
      continue
    }
    current = { scheme: word, parameters: {} }
    challenges.push(current)
    const token = readToken68(header, afterSpace)
    if (token !== undefined && afterSpace > at) {
      current.token68 = token.value
      at = token.end
    }
  }
  return challenges
}

/** A challenge as it stands in the header. Values are quoted; what cannot stand in a quoted string is dropped. */
export function formatChallenge({ scheme, parameters, token68 }: Challenge): string {
  if (token68 !== undefined) return `${scheme} ${token68}`
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${quote(value)}"`)
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`
}

/**
 * The one Bearer challenge of a refused request (RFC 6750 §3, RFC 9728 §5.1). The description comes last and without anything that a client
 * which searches for `scope=` or `error=` could take for a parameter.
 */
export function bearerChallenge(challenge: {
  error?: string | undefined
  scope?: readonly string[] | undefined
  resourceMetadata?: string | undefined
  description?: string | undefined
  extra?: Readonly<Record<string, string>>
}): string {
  const parameters: Record<string, string> = {}
  if (challenge.error !== undefined) parameters['error'] = challenge.error
  if (challenge.scope !== undefined && challenge.scope.length > 0)
    parameters['scope'] = challenge.scope.join(' ')
  if (challenge.resourceMetadata !== undefined) parameters['resource_metadata'] = challenge.resourceMetadata
  Object.assign(parameters, challenge.extra)
  if (challenge.description !== undefined)
    parameters['error_description'] = challenge.description.replaceAll(/["\\=]/g, '')
  return formatChallenge({ scheme: 'Bearer', parameters })
}

const quote = (value: string): string =>
  value.replaceAll(/[^\t\x20-\x7e]/g, '').replaceAll(/["\\]/g, String.raw`\$&`)

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09
const isSeparator = (code: number): boolean => isSpace(code) || code === 0x2c
/** RFC 9110 §5.6.2 */
const tokenChars = new Set(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    .split('')
    .map((char) => char.charCodeAt(0)),
)
const isTokenChar = (code: number): boolean => tokenChars.has(code)
const isToken68Char = (code: number): boolean =>
  code !== 0x5f && code !== 0x2f
    ? tokenChars.has(code) && !"!#$%&'*^`|".includes(String.fromCharCode(code))
    : true

function skip(text: string, from: number, accepts: (code: number) => boolean): number {
  let at = from
  while (at < text.length && accepts(text.charCodeAt(at))) at++
  return at
}

/** `Basic YQ==` is a scheme with a token68, although `YQ` is followed by an equals sign. */
function startsToken68(text: string, wordEnd: number, equals: number): boolean {
  if (wordEnd !== equals) return false
  const after = skip(text, equals, (code) => code === 0x3d)
  const end = skip(text, after, isSpace)
  return after - equals > 1 && (end === text.length || text[end] === ',')
}

function readToken68(text: string, from: number): { value: string; end: number } | undefined {
  const chars = skip(text, from, isToken68Char)
  if (chars === from) return undefined
  const end = skip(text, chars, (code) => code === 0x3d)
  const next = skip(text, end, isSpace)
  if (next < text.length && text[next] !== ',') return undefined
  // A bare word before a comma is the next scheme's business only where no parameter follows; `Bearer abc` is a token68.
  return { value: text.slice(from, end), end: next }
}

function readValue(text: string, from: number): { value: string; end: number } {
  if (text[from] !== '"') {
    const end = skip(text, from, (code) => !isSeparator(code))
    return { value: text.slice(from, end), end }
  }
  let value = ''
  let at = from + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\' && at + 1 < text.length) at++
    value += text[at]
    at++
  }
  return { value, end: at + 1 }
}

function define(parameters: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(parameters, name, { value, enumerable: true, configurable: true, writable: true })
}
