// The Worker that the adapter suite talks to.
import { worker } from '../../src/adapter/workers.ts'
import { adapterApp } from './suite-app.ts'

interface Env {
  URL: string
  KEYS: string
}

export default worker((env: Env) => {
  const { rs, handler } = adapterApp(env.URL, JSON.parse(env.KEYS))
  const guarded = rs.protect(handler)
  return async (request: Request) => {
    try {
      return await guarded(request)
    } catch {
      return new Response('Internal Server Error', { status: 500 })
    }
  }
})
