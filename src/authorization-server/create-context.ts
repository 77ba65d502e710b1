import { resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { Keyring } from '../lib/seal.ts'
import { createClientDocuments } from './client-documents.ts'
import { createClients, preregisteredClients, type ClientSource } from './clients.ts'
import type { Context } from './context.ts'
import { resourceServers } from './introspection-callers.ts'
import { createKeyRing } from './keys.ts'
import type { AuthorizationServerOptions } from './options.ts'
import { resolvePaths } from './paths.ts'
import { createLimits, memoryRateLimiter } from './rate-limit.ts'
import { createGrants } from './records.ts'
import type { Register } from './registration.ts'
import { resolveOptions } from './resolve-options.ts'
import { createResources } from './resources.ts'
import { scopedStore } from './scoped-store.ts'
import { createStatelessClients } from './stateless-clients.ts'

/** What the endpoints share, from the options. Throws ConfigurationError. */
export function createContext(options: AuthorizationServerOptions): { context: Context; register: Register } {
  const settings = resolveOptions(options)
  const { issuer } = settings
  const runtime = resolveRuntime({ ...options, ...clientAddress(options) })
  const keyring = new Keyring(settings.secrets)
  const store = scopedStore(options.store, issuer, runtime.clock)
  const keys = createKeyRing(options.keys ?? {}, { issuer, store, keyring, runtime })
  const stateless = createStatelessClients(keyring, issuer)
  const sources: ClientSource[] = [stateless.find]
  const { clientDocuments, allowRedirects, cache } = settings
  if (clientDocuments !== false) {
    const { fetch } = clientDocuments === true ? runtime : clientDocuments
    sources.push(createClientDocuments({ issuer, runtime, fetch, cache, allowRedirects }))
  }
  const resources = createResources(options.resources, options.defaultResource)
  const configured = preregisteredClients(settings.clients, settings.allowRedirects)
  const preregistered = new Map([...configured, ...resourceServers(resources.all, configured)])
  const context: Context = {
    issuer,
    options: settings,
    secure: issuer.startsWith('https:'),
    runtime,
    keyring,
    store,
    signIn: options.signIn,
    paths: resolvePaths(issuer, options.paths ?? {}),
    resources,
    clients: createClients(preregistered, sources, store, runtime),
    grants: createGrants({ issuer, store, keyring, keys, runtime, lifetimes: settings.lifetimes }),
    keys,
    limits: createLimits(options.rateLimit ?? memoryRateLimiter({ clock: runtime.clock }), runtime),
  }
  return { context, register: (metadata) => stateless.register(metadata) }
}

/** The address as the trusted proxy saw it: the last one in the list, because earlier ones come from the client. */
function clientAddress({ behindProxy, clientAddress: own }: AuthorizationServerOptions): {
  clientAddress?: ResolvedRuntime['clientAddress']
} {
  if (own !== undefined || behindProxy === undefined || behindProxy === false) return {}
  const header = behindProxy === true ? 'x-forwarded-for' : behindProxy.addressHeader
  return { clientAddress: (request) => request.headers.get(header)?.split(',').at(-1)?.trim() || undefined }
}
