import type { Awaitable } from '../types.ts'
import { applyCors, preflight, type CorsPolicy } from './cors.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type MethodTable = Partial<Record<Method, (request: Request) => Awaitable<Response>>>

/**
 * An endpoint from its methods: HEAD is GET without the body, OPTIONS names the methods and answers preflights, everything
 * else is 405 with `Allow` (RFC 9110 §15.5.6).
 */
export function methods(
  table: MethodTable,
  options: { cors?: CorsPolicy } = {},
): (request: Request) => Promise<Response> {
  const { cors } = options
  const allow = [
    ...Object.keys(table).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])),
    'OPTIONS',
  ].join(', ')
  const withCors = (request: Request, response: Response): Response =>
    cors ? applyCors(request, response, cors, { cacheable: true }) : response
  return async (request) => {
    if (request.method === 'OPTIONS') {
      const response = cors ? preflight(request, cors) : new Response(null, { status: 204 })
      response.headers.set('allow', allow)
      return response
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const handler = Object.hasOwn(table, method) ? table[method as Method] : undefined
    if (handler === undefined)
      return withCors(request, new Response(null, { status: 405, headers: { allow } }))
    const response = withCors(request, await handler(request))
    return request.method === 'HEAD' ? new Response(null, response) : response
  }
}
