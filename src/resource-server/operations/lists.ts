import { exampleOf, normalUri } from './uri.ts'
import type { Rules } from './rules.ts'

type Carries = (scopes: readonly string[]) => boolean
type Item = Readonly<Record<string, unknown>>

/**
 * The lists: the member that holds the items, the method that uses an item, and the item's name in the rules.
 */
const lists: readonly { items: string; use: string; key: (item: Item) => unknown }[] = [
  { items: 'tools', use: 'tools/call', key: ({ name }) => name },
  { items: 'prompts', use: 'prompts/get', key: ({ name }) => name },
  { items: 'resources', use: 'resources/read', key: ({ uri }) => uriKey(uri) },
  {
    items: 'resourceTemplates',
    use: 'resources/read',
    key: ({ uriTemplate }) => uriKey(typeof uriTemplate === 'string' ? exampleOf(uriTemplate) : undefined),
  },
]

const uriKey = (uri: unknown): unknown => (typeof uri === 'string' ? (normalUri(uri) ?? uri) : undefined)

/**
 * Removes from every list in an answer what the token may not use. A list is recognised by its members,
 * because its request may have come earlier, on a connection that this stream resumes.
 */
export function listFilter(rules: Rules): (response: Response, carries: Carries) => Response {
  return (response, carries) => {
    const type = response.headers.get('content-type')?.toLowerCase() ?? ''
    if (response.body === null) return response
    const edit = (text: string): string => edited(text, (message) => filterLists(message, rules, carries))
    if (type.startsWith('text/event-stream')) return withBody(response, eventEditor(edit))
    return type.startsWith('application/json') ? withBody(response, textEditor(edit)) : response
  }
}

/** Filters the lists of a message. Returns whether it has one. */
function filterLists({ result }: Record<string, unknown>, rules: Rules, carries: Carries): boolean {
  if (typeof result !== 'object' || result === null) return false
  const members = result as Record<string, unknown>
  const held = lists.filter(({ items }) => Array.isArray(members[items]))
  for (const { items, use, key } of held) {
    members[items] = (members[items] as Item[]).filter((item) => {
      const name = key(item)
      const found = rules.find(use, typeof name === 'string' ? name : undefined)
      return found?.every((rule) => typeof rule === 'function' || carries(rule)) === true
    })
  }
  // From 2026-07-28 on, a result says which caches may share it; a filtered list belongs to its token.
  if (held.length > 0 && Object.hasOwn(members, 'cacheScope')) members['cacheScope'] = 'private'
  return held.length > 0
}

/** The JSON text with its messages edited; the same text if it is not JSON or nothing in it was edited. */
function edited(text: string, edit: (message: Record<string, unknown>) => boolean): string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return text
  }
  let isEdited = false
  for (const message of Array.isArray(body) ? body : [body])
    if (typeof message === 'object' && message !== null)
      isEdited = edit(message as Record<string, unknown>) || isEdited
  return isEdited ? JSON.stringify(body) : text
}

/** Edits a text once it is complete. */
function textEditor(edit: (text: string) => string): TransformStream<string, string> {
  let text = ''
  return new TransformStream({
    transform(chunk) {
      text += chunk
    },
    flush(controller) {
      controller.enqueue(edit(text))
    },
  })
}

/** Edits event by event, as they come. */
function eventEditor(edit: (data: string) => string): TransformStream<string, string> {
  let rest = ''
  return new TransformStream({
    transform(chunk, controller) {
      const parts = (rest + chunk).split(/((?:\r\n|\n|\r(?!\n)){2})/)
      rest = parts.pop()!
      for (let i = 0; i < parts.length; i += 2)
        controller.enqueue(editedEvent(parts[i]!, edit) + parts[i + 1]!)
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(editedEvent(rest, edit))
    },
  })
}

function editedEvent(event: string, edit: (data: string) => string): string {
  const lines = event.split(/\r\n|\n|\r/)
  const isData = (line: string): boolean => line.startsWith('data:')
  const data = lines.filter(isData).map((line) => line.slice(5).replace(/^ /, ''))
  if (data.length === 0) return event
  const text = data.join('\n')
  const after = edit(text)
  return after === text ? event : [...lines.filter((line) => !isData(line)), `data: ${after}`].join('\n')
}

function withBody(response: Response, editor: TransformStream<string, string>): Response {
  const headers = new Headers(response.headers)
  // They describe the unfiltered list.
  for (const name of ['content-length', 'etag', 'content-digest']) headers.delete(name)
  const decoder = new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>
  const body = response.body!.pipeThrough(decoder).pipeThrough(editor).pipeThrough(new TextEncoderStream())
  return new Response(body, { status: response.status, statusText: response.statusText, headers })
}
