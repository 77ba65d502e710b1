// Each tenant has an issuer, signing keys, clients, users and grants of its own below /t/<tenant>.
import { createResourceServer, type Runtime, type Store } from 'tollgate'
import { createAuthorizationServer } from 'tollgate/authorization-server'
import { operationScopes } from 'tollgate/operations'
import { passwordSignIn } from 'tollgate/sign-in/password'
import { findTenant, usersOf, type Database, type Tenant } from './database.ts'
import { documents, needs, scopes } from './documents.ts'

export interface TenantSettings extends Pick<Runtime, 'clientAddress'> {
  database: Database
  store: Store
  /** One secret for all tenants: whatever is sealed or stored is bound to its issuer. */
  secret: string
  publicUrl: string
  behindProxy?: boolean
}

type Handler = (request: Request) => Promise<Response>

/** `/t/acme/…`, or its metadata: `/.well-known/oauth-authorization-server/t/acme`. */
const place = /^(?:\/\.well-known\/[a-z-]+)?\/t\/([a-z0-9-]{1,40})(?:\/|$)/

/** Tenants whose servers are kept. They hold nothing that the store does not, so any may go. */
const maxOpen = 100

export function createTenants({ database, store, secret, publicUrl, ...runtime }: TenantSettings): Handler {
  /** The one unused for longest comes first. */
  const open = new Map<string, { revision: number; serve: Promise<Handler> }>()

  return async (request) => {
    const name = place.exec(new URL(request.url).pathname)?.[1]
    if (name === undefined) return notFound()
    let serve: Handler
    try {
      // At each request, so a tenant that is closed is gone at once. Only known tenants get further: any
      // caller can ask for any name, and each costs a key pair.
      const tenant = await findTenant(database, name)
      if (tenant === undefined) return notFound()
      serve = await serverOf(tenant)
    } catch (error) {
      console.error(error)
      return new Response('Not available now', { status: 503, headers: { 'retry-after': '5' } })
    }
    return serve(request)
  }

  async function serverOf(tenant: Tenant): Promise<Handler> {
    const { name, revision } = tenant
    const known = open.get(name)
    const current = known?.revision === revision ? known : { revision, serve: create(tenant) }
    open.delete(name)
    open.set(name, current)
    for (const [oldest] of open) if (open.size > maxOpen) open.delete(oldest)
    current.serve.catch(() => open.delete(name))
    return current.serve
  }

  async function create({ name, title }: Tenant): Promise<Handler> {
    const users = await usersOf(database, name)
    if (Object.keys(users).length === 0) return async () => notFound()
    const issuer = `${publicUrl}/t/${name}`
    const resource = `${issuer}/mcp`
    const as = createAuthorizationServer({
      issuer,
      secret,
      store,
      resources: { [resource]: { name: `Documents of ${title}`, scopes } },
      signIn: passwordSignIn({ users }),
      // At each token, also after a refresh: a user who is removed gets no more, and one who lost a right
      // gets less.
      onTokens({ subject, scopes }) {
        const user = Object.hasOwn(users, subject) ? users[subject] : undefined
        if (user === undefined) return { deny: 'There is no such user any more' }
        return { scopes: scopes.filter((each) => user.scopes?.includes(each)) }
      },
      ...runtime,
    })
    const rs = createResourceServer({
      resource,
      authorizationServers: [as],
      requiredScopes: ['documents:read'],
    })
    const guarded = rs.protect(documents(database, name), {
      operations: operationScopes(needs, { default: 'deny' }),
    })
    const { pathname } = new URL(resource)
    return async (request) => {
      const answer = (await as.handle(request)) ?? (await rs.handle(request))
      if (answer !== undefined) return answer
      // The guard would refuse other paths with 401.
      return new URL(request.url).pathname === pathname ? guarded(request) : notFound()
    }
  }
}

const notFound = (): Response => new Response('Not found', { status: 404 })
