// The notes server for many tenants in one program, on Node: `TENANTS=acme,globex node examples/tenants/server.ts`
// Each has an issuer, keys, clients and grants of its own below /t/<tenant>, all on one store.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { toNodeHandler } from 'tollgate/node'
import { operationScopes } from 'tollgate/operations'
import { sqlite } from 'tollgate/store/sqlite'
import { auth } from '../common/auth.ts'
import { handler as answers } from '../common/handler.ts'
import { memory, needs, notes } from '../common/notes.ts'

const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}`, DATABASE = ':memory:' } = process.env
// One for all: whatever is sealed or stored is bound to its issuer. Made here it is gone at the end, as the notes are.
const { TOLLGATE_SECRET = randomBytes(32).toString('base64url'), TENANTS = 'acme,globex' } = process.env

type Handler = (request: Request) => Promise<Response>

const store = sqlite(new DatabaseSync(DATABASE))
const mcp = notes(memory())
const tenants = new Set(TENANTS.split(','))
/** Those in use, the one unused for longest first: a tenant's servers hold nothing that the store does not, so any may go. */
const recent = new Map<string, Handler>()
const maxRecent = 100

/** `/t/acme/…`, or its metadata: `/.well-known/oauth-authorization-server/t/acme`. */
const place = /^(?:\/\.well-known\/[a-z-]+)?\/t\/([a-z0-9-]+)(?:\/|$)/

async function handler(request: Request): Promise<Response> {
  const tenant = place.exec(new URL(request.url).pathname)?.[1]
  // Only known tenants: any caller can ask for any name, and each costs a key pair.
  if (tenant === undefined || !tenants.has(tenant)) return new Response('Not found', { status: 404 })
  const serve = recent.get(tenant) ?? open(tenant)
  recent.delete(tenant)
  recent.set(tenant, serve)
  for (const [oldest] of recent) if (recent.size > maxRecent) recent.delete(oldest)
  return serve(request)
}

function open(tenant: string): Handler {
  const { as, rs } = auth({ PUBLIC_URL: `${PUBLIC_URL}/t/${tenant}`, TOLLGATE_SECRET }, { store })
  const guarded = rs.protect(mcp, { operations: operationScopes(needs, { default: 'deny' }) })
  return answers({ as, rs }, guarded)
}

createServer(toNodeHandler(handler)).listen(Number(PORT), '127.0.0.1', () => {
  for (const tenant of tenants) console.log(`Notes at ${PUBLIC_URL}/t/${tenant}/mcp`)
})
