// What the routing suite talks to on Deno and Bun: on Bun with its own router in front of the guard.
import { Hono } from 'hono'
import type { AuthInfo } from '../../src/index.ts'
import { handlerOf, places, routedHandler, routedServer } from './routing-app.ts'

type Handler = (request: Request) => Promise<Response>
declare const Bun: {
  serve(options: {
    port: number
    hostname: string
    routes?: Record<string, Handler>
    fetch: Handler
  }): unknown
}
declare const Deno: {
  serve(options: { port: number; hostname: string; onListen(): void }, handler: Handler): unknown
}

const url = process.env['PUBLIC_URL']!
const rs = routedServer(url, JSON.parse(process.env['KEYS']!))
/** A router behind the guard that matches the text of the URL. */
const byText = (): Handler => {
  const app = new Hono<{ Bindings: { auth: AuthInfo } }>()
  for (const path of [...places].reverse())
    for (const pattern of [path, `${path}/*`]) app.all(pattern, (c) => handlerOf(path)(c.req.raw, c.env.auth))
  return rs.protect((request, auth) => app.fetch(request, { auth }))
}
const fetch = process.env['ROUTES'] === 'hono' ? byText() : routedHandler(rs)

const { port, hostname } = { port: Number(process.env['PORT']), hostname: '127.0.0.1' }
if (!('Bun' in globalThis)) Deno.serve({ port, hostname, onListen: () => undefined }, fetch)
else if (process.env['ROUTES'] !== '1') Bun.serve({ port, hostname, fetch })
else {
  // A router that is not ours: each route names its resource.
  const routes = Object.fromEntries(
    places.flatMap((path) => {
      const guarded = rs.protect(handlerOf(path), { resource: url + path })
      return [
        [path, guarded],
        [`${path}/*`, guarded],
      ]
    }),
  )
  Bun.serve({ port, hostname, routes, fetch: async () => new Response(null, { status: 404 }) })
}
console.log(`Notes at ${url}`)
