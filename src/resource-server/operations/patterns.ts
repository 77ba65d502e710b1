/** A key in which `*` stands for any characters. */
export interface Pattern {
  readonly text: string
  /** The texts between the stars. */
  readonly parts: readonly string[]
  /** The same, as {@link fold} reads it. */
  readonly folded: readonly string[]
  /**
   * The most specific pattern decides: whole keys first, then by the number of characters that are not a
   * star.
   */
  readonly weight: number
}

export function patternOf(text: string): Pattern {
  const parts = text.split('*')
  const weight = parts.length === 1 ? Number.MAX_SAFE_INTEGER : text.length - parts.length + 1
  return { text, parts, folded: parts.map(fold), weight }
}

/**
 * Whether the text consists of the parts in their order, with anything between them. Linear: each part is
 * searched once.
 */
export function matches(parts: readonly string[], text: string): boolean {
  const first = parts[0]!
  if (parts.length === 1) return text === first
  const last = parts.at(-1)!
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

/** A name without case, Unicode forms and invisible characters, as some handlers compare it. */
export const fold = (name: string): string =>
  name
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase()

/** Blanks around a name, which a handler may trim, and control characters, at which it may stop reading. */
export const isBlankOrControlled = (name: string): boolean => name.trim() !== name || /\p{Cc}/u.test(name)
