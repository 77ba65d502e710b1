// A notes server on Cloudflare Workers. TOLLGATE_SECRET is a secret: `wrangler secret put TOLLGATE_SECRET`.
import { env, waitUntil } from 'cloudflare:workers'
import { createResourceServer } from 'tollgate'
import { cloudflareKv } from 'tollgate/cache/cloudflare-kv'
import { notes, scopes } from '../common/notes.ts'
export { TollgateStore } from 'tollgate/store/durable-object'

const cache = cloudflareKv(env.CACHE)
const rs = createResourceServer({
  resource: `${env.PUBLIC_URL}/mcp`,
  authorizationServers: [env.AUTH_SERVER_URL],
  requiredScopes: ['notes:read'],
  scopesSupported: Object.keys(scopes),
  cache,
  waitUntil,
})
const mcp = notes(env.NOTES)

export default { fetch: rs.protect(mcp) }
