/** What a browser's client may read across origins. */
export const exposedHeaders = 'WWW-Authenticate, Mcp-Session-Id, Retry-After, DPoP-Nonce'
/** What MCP clients send across origins; other names are allowed as they are asked for. */
const allowedHeaders =
  'authorization, content-type, accept, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id, dpop'

export interface CorsPolicy {
  /** `*`: any, without credentials. A list: exactly these. A function decides for itself. */
  origins: '*' | readonly string[] | ((origin: string) => boolean)
  /** For `Access-Control-Allow-Methods`, for example `GET, POST`. */
  methods: string
}

/**
 * The response with the CORS headers that its request asks for. Where any origin may read it, a request
 * without `Origin` gets it as it is; not so what shared caches keep (`cacheable`): the next one may come
 * from a browser.
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
    const requested = request.headers.get('access-control-request-headers')
    headers.set('access-control-allow-headers', mergeNames(allowedHeaders, headerNames(requested)))
    headers.set('access-control-max-age', '86400')
    if (requested !== null) headers.append('vary', 'Access-Control-Request-Headers')
  }
  return new Response(null, { status: 204, headers })
}

/**
 * The header names that a preflight asks for (`traceparent`, `mcp-param-*`). Names alone, because `*` would
 * be a wildcard, and not without end. A browser sends no credential by itself here, so a name that is
 * allowed opens nothing.
 */
function headerNames(requested: string | null): string {
  if (requested === null || requested.length > 4096) return ''
  return requested
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '*' && /^[!#$%&'*+.^_`|~\da-z-]+$/.test(name))
    .join(', ')
}

/** Two lists of header names as one, each name once. */
export function mergeNames(list: string, more: string): string {
  const names = new Map<string, string>()
  for (const name of `${list},${more}`.split(','))
    if (name.trim() !== '' && !names.has(name.trim().toLowerCase()))
      names.set(name.trim().toLowerCase(), name.trim())
  return [...names.values()].join(', ')
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

/**
 * What the handler exposes stays readable. Its origin and its credentials are one decision: ours replaces
 * both.
 */
function set(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers)) {
    const own = response.headers.get(name)
    if (name === 'access-control-allow-origin') response.headers.delete('access-control-allow-credentials')
    if (name !== 'vary')
      response.headers.set(
        name,
        name === 'access-control-expose-headers' && own !== null ? mergeNames(own, value) : value,
      )
    else if (!/\borigin\b|\*/i.test(own ?? '')) response.headers.append('vary', value)
  }
  return response
}
