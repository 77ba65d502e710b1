// The notes server on Next for any issuer, with everything in memory: what the matrix of hosts starts.
import { memoryStore } from 'tollgate/store/memory'
import { auth } from '../../../../examples/common/auth.ts'

function build() {
  const { PUBLIC_URL = 'http://localhost:3000' } = process.env
  const { as, rs } = auth(
    { ...process.env, PUBLIC_URL },
    {
      store: memoryStore(),
      // Below a path, so that one catch-all route has all endpoints.
      issuer: `${PUBLIC_URL}/oauth`,
      // Next serves plain http: it is a proxy that ends TLS, and that says who the client is.
      behindProxy: true,
    },
  )
  return { endpoints: as ? [as, rs] : [rs], rs }
}

// Next may load this module once per route, and the parts must be the same ones everywhere. The first request makes them: `next build`
// loads this module too, without the environment of the server.
const shared = globalThis as { tollgate?: ReturnType<typeof build> }
export const tollgate = (): ReturnType<typeof build> => (shared.tollgate ??= build())
