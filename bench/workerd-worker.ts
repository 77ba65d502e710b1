// Runs one case n times in one request. `n=0` proves that the case refuses a bad token.
import type { JWK } from 'jose'
import { answer, ours, peers, request, type Handler } from './guards.ts'

interface Env {
  ALG: string
  JWKS: { keys: JWK[] }
  TOKENS: string[]
  BAD: string
}

let handlers: Record<string, Handler> | undefined
const decoder = new TextDecoder()

export default {
  async fetch(incoming: Request, env: Env): Promise<Response> {
    const encoded = (bytes ??= env.TOKENS.map((token) => new TextEncoder().encode(token)))
    // A fresh string each time, as a real request brings one.
    const fresh = (i: number): string => decoder.decode(encoded[i % encoded.length]!)
    const made = { alg: env.ALG, jwks: env.JWKS, fresh, bad: env.BAD }
    handlers ??= { ...ours(made), ...peers(made), 'Request + no-op': answer }
    const { searchParams } = new URL(incoming.url)
    const name = searchParams.get('case')!
    const handler = handlers[name]!
    const n = Number(searchParams.get('n'))
    if (n === 0 && name !== 'Request + no-op') {
      const good = await handler(request(fresh(0)))
      const bad = await handler(request(env.BAD))
      if (good.status !== 200 || bad.status !== 401)
        return new Response(`good ${good.status}, bad ${bad.status}`, { status: 500 })
    }
    for (let i = 0; i < n; i++) await handler(request(fresh(i)))
    return new Response('done')
  },
}

let bytes: Uint8Array[] | undefined
