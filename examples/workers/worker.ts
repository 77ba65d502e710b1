// The notes server on Cloudflare Workers: notes and cache in KV, grants in Durable Objects.
import { env, waitUntil } from 'cloudflare:workers'
import { cloudflareKv } from 'tollgate/cache/cloudflare-kv'
import { operationScopes } from 'tollgate/operations'
import { durableObject } from 'tollgate/store/durable-object'
import { auth } from '../common/auth.ts'
import { handler } from '../common/handler.ts'
import { needs, notes } from '../common/notes.ts'
import { whoAmI } from '../common/sign-in.ts'
export { TollgateStore } from 'tollgate/store/durable-object'

const { as, rs } = auth(env, {
  store: durableObject(env.TOLLGATE),
  cache: cloudflareKv(env.CACHE),
  waitUntil,
  clientAddress: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
})
const guarded = rs.protect(notes(env.NOTES, whoAmI(env)), {
  operations: operationScopes(needs, { default: 'deny' }),
})

export default { fetch: handler({ as, rs }, guarded) }
