// What the adapter suite talks to on Deno and Bun, whose servers take a Web handler as it is.
import { adapterApp } from './suite-app.ts'

type Handler = (request: Request) => Promise<Response>
declare const Bun: { serve(options: { port: number; hostname: string; fetch: Handler }): unknown }
declare const Deno: {
  serve(options: { port: number; hostname: string; onListen(): void }, handler: Handler): unknown
}

const url = process.env['PUBLIC_URL']!
const { rs, handler } = adapterApp(url, JSON.parse(process.env['KEYS']!))
const guarded = rs.protect(handler)
const fetch: Handler = (request) =>
  guarded(request).catch(() => new Response('Internal Server Error', { status: 500 }))

const { port, hostname } = { port: Number(process.env['PORT']), hostname: '127.0.0.1' }
if ('Bun' in globalThis) Bun.serve({ port, hostname, fetch })
else Deno.serve({ port, hostname, onListen: () => undefined }, fetch)
console.log(`Notes at ${url}/mcp`)
