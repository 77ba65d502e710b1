import { lastAddress } from '../http/caller.ts'
import { authenticatedCache } from '../lib/authenticated-cache.ts'
import { defined } from '../lib/defined.ts'
import { printError } from '../lib/print-error.ts'
import { callPart, resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { MacSealer } from '../lib/mac-sealer.ts'
import type { Identity, SignIn, SignInLeg } from '../types.ts'
import { createAssertionVerifier } from './client/assertion.ts'
import { createClientFetch } from './client/fetch.ts'
import { createClientDocuments } from './client/documents.ts'
import { preregisteredClients } from './client/configured.ts'
import { createClients, type ClientSource } from './client/directory.ts'
import type { Context } from './context.ts'
import { resourceServerClients } from './token/introspection-callers.ts'
import { createKeyRing } from './key/ring.ts'
import type { AuthorizationServerOptions, ResolvedOptions } from './options.ts'
import { resolvePaths } from './paths.ts'
import { createLimits, memoryRateLimiter } from './rate-limit.ts'
import { createGrants } from './grant/grants.ts'
import { createUpstreamRevocation } from './grant/upstream-revocation.ts'
import type { Register } from './client/registration.ts'
import { resolveOptions } from './resolve-options.ts'
import { createResources } from './resources.ts'
import { scopedStore } from './scoped-store.ts'
import { createStatelessClients } from './client/stateless.ts'
import { createAdministration, type ClientAdministration } from './client/stored-administration.ts'
import { createQuota } from './client/stored-quota.ts'
import { createStoredClients } from './client/stored.ts'
import { opaquePrefixOf } from './token/format.ts'
import { createInterruptedWrites } from './interrupted-writes.ts'

/** Makes what the endpoints share from the options. Throws ConfigurationError. */
export function createContext(options: AuthorizationServerOptions): {
  context: Context
  register: Register
  administration: ClientAdministration
} {
  const settings = resolveOptions(options)
  const { issuer, lifetimes } = settings
  const runtime = createRuntime(options, issuer)
  reportWeakening(options, settings, runtime)
  const sealer = new MacSealer(settings.secrets)
  const store = scopedStore(options.store, issuer, runtime)
  const keys = createKeyRing(options.keys ?? {}, { issuer, store, sealer, runtime })
  const limiter = options.rateLimit ?? memoryRateLimiter({ clock: runtime.clock })
  const limits = createLimits(issuer, limiter, runtime)
  const resources = createResources(options.resources, options.defaultResource)
  const stateless = createStatelessClients(sealer, issuer)
  const stored = createStoredClients(store, createQuota(issuer, store, runtime))
  const { clientDocuments, redirects } = settings
  const { fetch } = typeof clientDocuments === 'boolean' ? runtime : clientDocuments
  const clientFetch = createClientFetch({ fetch, clock: runtime.clock })
  const cache = settings.cache && authenticatedCache(settings.cache, sealer, issuer)
  const documents = { issuer, runtime, limits, fetch: clientFetch, cache, redirects }
  const sources: ClientSource[] = [
    stateless.find,
    ...(clientDocuments === false ? [] : [createClientDocuments(documents)]),
    stored.find,
  ]
  const configured = preregisteredClients(settings.clients)
  const preregistered = new Map([...configured, ...resourceServerClients(resources.all, configured)])
  const clients = createClients(preregistered, sources, stored.extendLife, store, runtime)
  const { upstreams } = options.signIn
  const revokeUpstream =
    upstreams &&
    createUpstreamRevocation({
      issuer,
      store,
      sealer,
      runtime,
      lifetimes,
      upstreams,
      isLinked: (subject, from) => context.links?.has(subject, from),
    })
  const grants = createGrants({ issuer, store, sealer, keys, clients, runtime, lifetimes, revokeUpstream })
  const paths = resolvePaths(issuer, options.paths ?? {})
  const tokenEndpoint = new URL(paths.token, issuer).href
  const allowTokenEndpoint = settings.tokenEndpointAudience
  const assertions = { issuer, tokenEndpoint, allowTokenEndpoint, runtime, store, fetch: clientFetch }
  let opaquePrefix: string | undefined
  const context: Context & { links?: Context['links'] } = {
    issuer,
    options: settings,
    secure: issuer.startsWith('https:'),
    runtime,
    sealer,
    store,
    signIn: attributed(options.signIn),
    revokeUpstream,
    paths,
    resources,
    clients,
    grants,
    keys,
    limits,
    interruptedWrites: createInterruptedWrites(runtime.clock),
    verifyAssertion: createAssertionVerifier(assertions),
    // Computed when it is first used: the hash is the slowest part of a cold start.
    get opaquePrefix() {
      return (opaquePrefix ??= opaquePrefixOf(issuer))
    },
  }
  context.links = options.links?.attach(context)
  const register = settings.registration === 'stored' ? stored.register : stateless.register
  return { context, register, administration: createAdministration(clients, stored) }
}

function createRuntime(options: AuthorizationServerOptions, issuer: string): ResolvedRuntime {
  // An http issuer is allowed only on this machine, so these errors are a developer's.
  const isDevelopment = issuer.startsWith('http:') && options.onError === undefined
  return resolveRuntime({
    ...options,
    ...clientAddress(options),
    ...(isDevelopment ? { onError: printError } : {}),
  })
}

function reportWeakening(
  { signIn }: AuthorizationServerOptions,
  { issuer, tokenEndpointAudience }: ResolvedOptions,
  { event }: ResolvedRuntime,
): void {
  const audience = tokenEndpointAudience ? 'dangerouslyAllowTokenEndpointAudience' : undefined
  for (const detail of [signIn.weakening, audience])
    if (detail !== undefined) event({ type: 'option.weakening', level: 'warning', issuer, detail })
}

/** The application's sign-in; its errors name the method that threw. */
const attributed = (signIn: SignIn): SignIn => ({
  consent: signIn.consent,
  identify: (request) => callPart('signIn.identify', () => signIn.identify(request)),
  start: (request, flow) => callPart('signIn.start', () => signIn.start(request, flow)),
  ...defined({
    name: signIn.name,
    check: signIn.check?.bind(signIn),
    upstreams: signIn.upstreams,
    callbacks: signIn.callbacks,
    recheck:
      signIn.recheck &&
      ((identity: Identity, way?: string) =>
        callPart('signIn.recheck', () => signIn.recheck!(identity, way))),
    finish:
      signIn.finish &&
      ((request: Request, leg: SignInLeg) => callPart('signIn.finish', () => signIn.finish!(request, leg))),
  }),
})

/**
 * IP spoofing: the address that the trusted proxy saw is the last one in the list; earlier ones come from the
 * client.
 */
function clientAddress({ behindProxy, clientAddress: own }: AuthorizationServerOptions): {
  clientAddress?: ResolvedRuntime['clientAddress']
} {
  if (own !== undefined || behindProxy === undefined || behindProxy === false) return {}
  const header = behindProxy === true ? 'x-forwarded-for' : behindProxy.addressHeader
  return { clientAddress: (request) => lastAddress(request.headers.get(header)) }
}
