import type { Awaitable } from '../types.ts'
import { applyCors, preflight, type CorsPolicy } from './cors.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
export type MethodTable = Partial<Record<Method, (request: Request) => Awaitable<Response>>>

/**
 * An endpoint from its methods: HEAD, unless the table has it, is GET without the body; OPTIONS names the
 * methods and answers preflights; everything else is 405 with `Allow` (RFC 9110 §15.5.6).
 */
export function methods(
  table: MethodTable,
  options: { cors?: CorsPolicy } = {},
): (request: Request) => Promise<Response> {
  const { cors } = options
  const names = Object.keys(table).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
  const allow = [...new Set([...names, 'OPTIONS'])].join(', ')
  const withCors = (request: Request, response: Response): Response =>
    cors ? applyCors(request, response, cors, { cacheable: true }) : response
  return async (request) => {
    if (request.method === 'OPTIONS') {
      const response = cors ? preflight(request, cors) : new Response(null, { status: 204 })
      response.headers.set('allow', allow)
      return response
    }
    const has = (method: string): method is Method => Object.hasOwn(table, method)
    const method = request.method === 'HEAD' && !has('HEAD') ? 'GET' : request.method
    const handler = has(method) ? table[method] : undefined
    if (handler === undefined)
      return withCors(request, new Response(null, { status: 405, headers: { allow } }))
    const response = withCors(request, await handler(request))
    return request.method === 'HEAD' ? new Response(null, response) : response
  }
}
