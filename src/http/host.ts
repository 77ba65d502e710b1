import { isLoopbackHost } from '../protocol/loopback.ts'

/**
 * The host and port that the request asks for. Some hosts (Next) write another one into the URL, so the
 * header counts first.
 */
export function hostOf(request: Request): string {
  const text = request.headers.get('host') ?? new URL(request.url).host
  // Only what parses as a bare host is one: `mcp.test/foo?` is not.
  const url = URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined
  return url !== undefined && /^[A-Za-z0-9.:[\]_-]+$/.test(text) ? text.toLowerCase() : ''
}

/**
 * Whether the URL has a host. Bun leaves it out if the `Host` header is none, and then nothing can parse
 * the URL.
 */
export const hasHost = (url: string): boolean => url.charCodeAt(0) !== 0x2f

/** The path of a URL as it is written; Deno leaves a request's target as it came. */
export const pathOf = (url: string): string => /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] ?? ''

/**
 * Whether the request asks for a host on this machine. Against DNS rebinding: a page of another site whose
 * name resolves to a loopback address still sends its own name (MCP transports, Security Warning).
 */
export const asksForLoopback = (request: Request): boolean =>
  isLoopbackHost(hostOf(request).replace(/:\d+$/, ''))
