import type { IncomingMessage, ServerResponse } from 'node:http'

/** Told before the client reads the answer. */
interface Watcher {
  opened(id: string): void
  /** Without an id: the session that the message names. */
  ended(id?: string): void
}

/**
 * Reads in an answer which session the framework opens or ends. The HTTP stream names it in a header, and
 * ends it by DELETE; SSE names it in the first event of its stream, and ends it with the stream.
 */
export function watchSession(
  { method }: IncomingMessage,
  response: ServerResponse,
  { opened, ended }: Watcher,
): void {
  response.writeHead = new Proxy(response.writeHead, {
    apply(writeHead, self, args: unknown[]) {
      const id = sessionHeader(response, args)
      if (id !== undefined) opened(id)
      else if (method === 'DELETE' && args[0] === 200) ended()
      return Reflect.apply(writeHead, self, args)
    },
  })
  if (method !== 'GET') return
  const { write } = response
  response.write = new Proxy(write, {
    apply(_, self, args: unknown[]) {
      response.write = write
      const id = sessionEvent(args[0])
      if (id !== undefined) {
        opened(id)
        response.once('close', () => ended(id))
      }
      return Reflect.apply(write, self, args)
    },
  })
}

function sessionHeader(response: ServerResponse, args: unknown[]): string | undefined {
  const written = {
    ...response.getHeaders(),
    ...args.find((each): each is object => typeof each === 'object'),
  }
  const [, id] = Object.entries(written).find(([name]) => name.toLowerCase() === 'mcp-session-id') ?? []
  return typeof id === 'string' ? id : undefined
}

/** Of the event by which SSE says where messages go. */
function sessionEvent(chunk: unknown): string | undefined {
  const [, path] = (typeof chunk === 'string' && /^event: endpoint\ndata: (\S+)/.exec(chunk)) || []
  return path === undefined
    ? undefined
    : (new URL(path, 'http://x').searchParams.get('sessionId') ?? undefined)
}
