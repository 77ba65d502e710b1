/**
 * The value of a JSON text. Throws a SyntaxError if the text is not JSON, or if an object in it names a
 * member twice: parsers differ in which of the two they take, so what one party checked is not what another
 * one uses (RFC 8259 §4, RFC 7519 §4).
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (namesTwice(text, value)) throw new SyntaxError('A member is named twice')
  return value
}

/** Whether an object in the text, which was parsed as this value, names a member twice. */
export function namesTwice(text: string, value: unknown): boolean {
  // `JSON.parse` keeps one member of each name, so fewer members than the text has means that a name was
  // repeated.
  return countMembers(value) !== countWrittenMembers(text)
}

/** Whether a value is what JSON calls an object: not null, not a list. */
export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object that a JSON text is; undefined if it is not an object, not JSON, or names a member twice. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The value at a dotted path; undefined if there is none. */
export function valueAt(object: Readonly<Record<string, unknown>>, path: string): unknown {
  // A member's own name may contain dots (`https://example.com/roles`), so the whole path is tried first.
  if (Object.hasOwn(object, path)) return object[path]
  let value: unknown = object
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** Iterative: a body may be nested deeper than the call stack is. */
function countMembers(value: unknown): number {
  const open: unknown[] = [value]
  let count = 0
  while (open.length > 0) {
    const each = open.pop()
    if (typeof each !== 'object' || each === null) continue
    const values: unknown[] = Object.values(each)
    if (!Array.isArray(each)) count += values.length
    for (const inner of values) if (typeof inner === 'object' && inner !== null) open.push(inner)
  }
  return count
}

/** In valid JSON, each colon outside a string belongs to one member. */
function countWrittenMembers(text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x3a) count++
    else if (char === 0x22) i = endOfString(text, i)
  }
  return count
}

/** The closing quotation mark of the string that starts here. */
function endOfString(text: string, start: number): number {
  let end = start + 1
  for (; text.charCodeAt(end) !== 0x22; end++) if (text.charCodeAt(end) === 0x5c) end++
  return end
}
