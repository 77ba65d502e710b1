// One line of a plan: `write_note title=Milk text="two bottles"`.
import type { CallToolResult, Tool } from '@modelcontextprotocol/client'

/** Throws if there is no such tool, or if an argument has no `=`. */
export function parseCall(
  line: string,
  tools: readonly Tool[],
): { name: string; arguments: Record<string, unknown> } {
  const [name = '', ...parts] = wordsOf(line)
  const tool = tools.find((each) => each.name === name)
  if (tool === undefined)
    throw new Error(`There is no tool "${name}". There are: ${tools.map(({ name }) => name).join(', ')}`)
  const types = (tool.inputSchema.properties ?? {}) as Record<string, { type?: unknown }>
  const pairs = parts.map((part) => {
    const equals = part.indexOf('=')
    if (equals < 1) throw new Error(`An argument is written name=value; got "${part}"`)
    const key = part.slice(0, equals)
    return [key, valueOf(part.slice(equals + 1), types[key]?.type)] as const
  })
  return { name, arguments: Object.fromEntries(pairs) }
}

/** The text of a result. */
export const textOf = ({ content }: Pick<CallToolResult, 'content'>): string =>
  content.map((each) => (each.type === 'text' ? each.text : `(${each.type})`)).join('\n')

/**
 * Without control and format characters: a server must not write to the terminal itself (escape sequences), nor
 * turn text around (bidi).
 */
export const printable = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, '')

/** One line: a server must not write lines that look like this agent's own. */
export const oneLine = (text: string): string => printable(text).replaceAll(/\s+/g, ' ').trim()

/** Blanks separate words; quotes keep them together. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ''),
  )

/** As the tool's schema says; a string stays as it is. */
function valueOf(text: string, type: unknown): unknown {
  if (type === 'string' || type === undefined) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
