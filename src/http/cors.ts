/** What a browser's client may read across origins. */
export const exposedHeaders = 'WWW-Authenticate, Mcp-Session-Id, Retry-After, DPoP-Nonce'
/** What a browser's client may send across origins. */
export const allowedHeaders =
  'authorization, content-type, accept, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id, dpop'

export interface CorsPolicy {
  /** `*`: any, without credentials. A list: exactly these. A function decides for itself. */
  origins: '*' | readonly string[] | ((origin: string) => boolean)
  /** For `Access-Control-Allow-Methods`, for example `GET, POST`. */
  methods: string
}

/** The response with CORS headers, where the request came from a browser of another origin that may read it. */
export function applyCors(request: Request, response: Response, policy: CorsPolicy): Response {
  const origin = request.headers.get('origin')
  if (origin === null && policy.origins === '*') return response
  const headers = corsHeaders(origin, policy)
  if (Object.keys(headers).length === 0) return response
  try {
    for (const [name, value] of Object.entries(headers)) set(response.headers, name, value)
    return response
  } catch {
    // The response came from a fetch: its headers are immutable.
    const copy = new Response(response.body, response)
    for (const [name, value] of Object.entries(headers)) set(copy.headers, name, value)
    return copy
  }
}

/** The answer to a preflight: 204, and nothing but headers. */
export function preflight(request: Request, policy: CorsPolicy): Response {
  const origin = request.headers.get('origin')
  const headers = new Headers(corsHeaders(origin, policy))
  if (headers.has('access-control-allow-origin')) {
    headers.set('access-control-allow-methods', policy.methods)
    headers.set('access-control-allow-headers', allowedHeaders)
    headers.set('access-control-max-age', '86400')
  }
  return new Response(null, { status: 204, headers })
}

export function isAllowedOrigin(origin: string, { origins }: CorsPolicy): boolean {
  if (origins === '*') return true
  return typeof origins === 'function' ? origins(origin) : origins.includes(origin)
}

function corsHeaders(origin: string | null, policy: CorsPolicy): Record<string, string> {
  if (policy.origins === '*') {
    return origin === null
      ? {}
      : { 'access-control-allow-origin': '*', 'access-control-expose-headers': exposedHeaders }
  }
  // What depends on the origin must not be served to another one from a cache.
  if (origin === null || !isAllowedOrigin(origin, policy)) return { vary: 'Origin' }
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': exposedHeaders,
    vary: 'Origin',
  }
}

function set(headers: Headers, name: string, value: string): void {
  if (name !== 'vary') headers.set(name, value)
  else if (!/\borigin\b|\*/i.test(headers.get('vary') ?? '')) headers.append('vary', value)
}
