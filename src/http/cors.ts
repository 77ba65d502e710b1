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

/**
 * The response with the CORS headers that its request asks for. Where any origin may read it, a request without `Origin` gets it as it is; not so
 * what shared caches keep (`cacheable`): the next one may come from a browser.
 */
export function applyCors(
  request: Request,
  response: Response,
  policy: CorsPolicy,
  { cacheable = false }: { cacheable?: boolean } = {},
): Response {
  const origin = request.headers.get('origin')
  if (origin === null && policy.origins === '*' && !cacheable) return response
  const headers = corsHeaders(origin, policy)
  try {
    return set(response, headers)
  } catch {
    // The response came from a fetch: its headers are immutable.
    return set(new Response(response.body, response), headers)
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
  const exposed = { 'access-control-expose-headers': exposedHeaders }
  if (policy.origins === '*') return { 'access-control-allow-origin': '*', ...exposed }
  // What depends on the origin must not be served to another one from a cache.
  if (origin === null || !isAllowedOrigin(origin, policy)) return { vary: 'Origin' }
  return { 'access-control-allow-origin': origin, ...exposed, vary: 'Origin' }
}

function set(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers)) {
    if (name !== 'vary') response.headers.set(name, value)
    else if (!/\borigin\b|\*/i.test(response.headers.get('vary') ?? ''))
      response.headers.append('vary', value)
  }
  return response
}
