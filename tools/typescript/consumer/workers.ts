// Entry points of Cloudflare Workers, with the types of its bindings.
import { env } from 'cloudflare:workers'
import { createResourceServer } from 'tollgate'
import { createAuthorizationServer, ownLogin } from 'tollgate/authorization-server'
import { cloudflareKv } from 'tollgate/cache/cloudflare-kv'
import { d1 } from 'tollgate/store/d1'
import { durableObject, TollgateStore } from 'tollgate/store/durable-object'
import { worker } from 'tollgate/workers'
export { TollgateStore } from 'tollgate/store/durable-object'

interface Env {
  TOLLGATE: DurableObjectNamespace<TollgateStore>
  DB: D1Database
  KV: KVNamespace
  LIMIT: RateLimit
  SECRET: string
}

const resource = 'https://notes.example.com/mcp'
const options = (bindings: Env) => ({
  issuer: 'https://notes.example.com',
  secret: bindings.SECRET,
  signIn: ownLogin({ identify: () => ({ subject: 'ada' }), loginUrl: '/login' }),
  resources: { [resource]: { scopes: { 'notes:read': 'Read your notes' } } },
})
export default worker((bindings: Env) => {
  const as = createAuthorizationServer({
    ...options(bindings),
    store: durableObject(bindings.TOLLGATE.jurisdiction('eu')),
    rateLimit: bindings.LIMIT,
  })
  createAuthorizationServer({ ...options(bindings), store: d1(bindings.DB) })
  // @ts-expect-error KV is no store: it may be stale, and decides no race
  createAuthorizationServer({ ...options(bindings), store: cloudflareKv(bindings.KV) })
  // @ts-expect-error nor is its binding
  createAuthorizationServer({ ...options(bindings), store: bindings.KV })
  // @ts-expect-error D1 is no namespace of Durable Objects
  durableObject(bindings.DB)
  const rs = createResourceServer({
    resource,
    authorizationServers: [as],
    cache: cloudflareKv(bindings.KV),
    cacheSecret: bindings.SECRET,
  })
  return rs.protect((_, auth) => new Response(auth.subject))
}) satisfies ExportedHandler<Env>
void env
