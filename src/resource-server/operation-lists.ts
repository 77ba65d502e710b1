import type { Message } from './operation-messages.ts'
import type { Rules } from './operation-rules.ts'

type Filter = (response: Response, grants: (scopes: readonly string[]) => boolean) => Promise<Response>

/** What a list holds, and how its items are used. */
const lists: Readonly<Record<string, { items: string; name: string; use: string }>> = {
  'tools/list': { items: 'tools', name: 'name', use: 'tools/call' },
  'prompts/list': { items: 'prompts', name: 'name', use: 'prompts/get' },
  'resources/list': { items: 'resources', name: 'uri', use: 'resources/read' },
}

/** Takes out of the answers to list requests what the token may not use; undefined where no list was asked for. */
export function listFilter(messages: readonly Message[], rules: Rules): Filter | undefined {
  const asked = new Map<unknown, string>()
  for (const { id, method } of messages)
    if (typeof method === 'string' && Object.hasOwn(lists, method)) asked.set(id, method)
  if (asked.size === 0) return undefined
  return async (response, grants) => {
    const type = response.headers.get('content-type')?.toLowerCase() ?? ''
    if (response.body === null) return response
    const edit = (text: string): string => edited(text, (message) => filtered(message, asked, rules, grants))
    if (type.startsWith('text/event-stream')) return withBody(response, eventStream(response.body, edit))
    if (!type.startsWith('application/json')) return response
    return withBody(response, edit(await response.text()))
  }
}

function filtered(
  message: Record<string, unknown>,
  asked: ReadonlyMap<unknown, string>,
  rules: Rules,
  grants: (scopes: readonly string[]) => boolean,
): void {
  const list = lists[asked.get(message['id']) ?? '']
  const result = message['result'] as Record<string, unknown> | undefined
  const all = list && result?.[list.items]
  if (!Array.isArray(all)) return
  result![list!.items] = all.filter((item: Record<string, unknown>) => {
    const name = item[list!.name]
    const rule = rules.find(list!.use, typeof name === 'string' ? name : undefined)
    return rule === undefined || typeof rule === 'function' || grants(rule)
  })
  // From 2026-07-28 on a result says who may share it; this one belongs to its token.
  if (Object.hasOwn(result!, 'cacheScope')) result!['cacheScope'] = 'private'
}

/** The JSON text with its messages edited; as it was where it is no JSON. */
function edited(text: string, edit: (message: Record<string, unknown>) => void): string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return text
  }
  for (const message of Array.isArray(body) ? body : [body])
    if (typeof message === 'object' && message !== null) edit(message as Record<string, unknown>)
  return JSON.stringify(body)
}

/** Event by event, as they come. */
function eventStream(body: ReadableStream<Uint8Array>, edit: (data: string) => string): ReadableStream {
  let rest = ''
  const events = new TransformStream<string, string>({
    transform(chunk, controller) {
      const parts = (rest + chunk).split(/(\r\n\r\n|\n\n|\r\r)/)
      rest = parts.pop()!
      for (let i = 0; i < parts.length; i += 2)
        controller.enqueue(editedEvent(parts[i]!, edit) + parts[i + 1]!)
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(editedEvent(rest, edit))
    },
  })
  const decoder = new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>
  return body.pipeThrough(decoder).pipeThrough(events).pipeThrough(new TextEncoderStream())
}

function editedEvent(event: string, edit: (data: string) => string): string {
  const lines = event.split(/\r\n|\n|\r/)
  const isData = (line: string): boolean => line.startsWith('data:')
  const data = lines.filter(isData).map((line) => line.slice(5).replace(/^ /, ''))
  if (data.length === 0) return event
  return [...lines.filter((line) => !isData(line)), `data: ${edit(data.join('\n'))}`].join('\n')
}

function withBody(response: Response, body: string | ReadableStream): Response {
  const headers = new Headers(response.headers)
  // They were those of the whole list.
  for (const name of ['content-length', 'etag', 'content-digest']) headers.delete(name)
  return new Response(body, { status: response.status, statusText: response.statusText, headers })
}
