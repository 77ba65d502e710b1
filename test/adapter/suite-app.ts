// The application that the adapter suite talks to. It knows no host: each adapter's test serves it in the
// host's own way.
import { createResourceServer, type AuthInfo, type ResourceServer } from '../../src/index.ts'
import { jwtVerifier } from '../../src/resource-server/verify/jwt.ts'

export const issuer = 'https://as.example.com'

export interface AdapterApp {
  /** Answers metadata and preflights, guards `/mcp`. */
  rs: ResourceServer
  /** Behind the guard. */
  handler(request: Request, auth: AuthInfo): Promise<Response>
}

/** `url`: where the host listens. `keys`: of the issuer. */
export function adapterApp(url: string, keys: { keys: readonly object[] }): AdapterApp {
  const rs = createResourceServer({
    resource: `${url}/mcp`,
    authorizationServers: [jwtVerifier({ issuer, keys })],
    requiredScopes: ['notes:read'],
  })
  const seen = { calls: 0, aborted: 0, cancelled: 0 }
  let goOn = false

  const actions: Record<string, (request: Request, auth: AuthInfo) => Response | Promise<Response>> = {
    echo: async (request, auth) =>
      Response.json({
        method: request.method,
        search: new URL(request.url).search,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
        subject: auth.subject,
      }),
    size: async (request) => Response.json({ size: (await request.arrayBuffer()).byteLength }),
    upload: async (request) => {
      const reader = request.body!.getReader()
      const first = await reader.read()
      await reader.cancel()
      return Response.json({ first: first.value?.length })
    },
    large: () => new Response(new Uint8Array(5_000_000).fill(120)),
    cookies: () => {
      const headers = new Headers({ 'x-one': '1' })
      headers.append('set-cookie', 'a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT')
      headers.append('set-cookie', 'b=2')
      return new Response(null, { status: 202, headers })
    },
    fail: () => {
      throw new Error('secret detail')
    },
    // Two events; the second one only after the client has said that it has the first one.
    events: () => {
      goOn = false
      const event = (text: string): Uint8Array => new TextEncoder().encode(`data: ${text}\n\n`)
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(event('first')),
        async pull(controller) {
          // Asked, not told: on Workers no request may wake another one.
          while (!goOn) await new Promise((resolve) => setTimeout(resolve, 10))
          controller.enqueue(event('second'))
          controller.close()
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
    goOn: () => {
      goOn = true
      return new Response(null, { status: 204 })
    },
    // Runs until the client goes away.
    wait: (request) => {
      request.signal.addEventListener('abort', () => seen.aborted++)
      const body = new ReadableStream<Uint8Array>({
        // A heartbeat: some hosts notice at the next write that nobody reads.
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          controller.enqueue(new TextEncoder().encode(': waiting\n\n'))
        },
        cancel: () => void seen.cancelled++,
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
    seen: () => Response.json(seen),
  }
  return {
    rs,
    async handler(request, auth) {
      const action = new URL(request.url).searchParams.get('do') ?? 'echo'
      if (action !== 'seen') seen.calls++
      return actions[action]!(request, auth)
    },
  }
}
