import { lastAddress } from '../http/caller.ts'
import { authenticatedCache } from '../lib/authenticated-cache.ts'
import { printError } from '../lib/print-error.ts'
import { callPart, resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { MacSealer } from '../lib/mac-sealer.ts'
import type { SignIn, SignInLeg } from '../types.ts'
import { createAssertionVerifier } from './client/assertion.ts'
import { createClientFetch } from './client/fetch.ts'
import { createClientDocuments } from './client/documents.ts'
import { preregisteredClients } from './client/configured.ts'
import { createClients, type ClientSource } from './client/directory.ts'
import type { Context } from './context.ts'
import { resourceServerClients } from './token/introspection-callers.ts'
import { createKeyRing } from './key/ring.ts'
import type { AuthorizationServerOptions } from './options.ts'
import { resolvePaths } from './paths.ts'
import { createLimits, memoryRateLimiter } from './rate-limit.ts'
import { createGrants } from './grant/grants.ts'
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
  const { issuer } = settings
  // An http issuer is allowed only on this machine.
  const development = issuer.startsWith('http:') && options.onError === undefined
  const runtime = resolveRuntime({
    ...options,
    ...clientAddress(options),
    ...(development ? { onError: printError } : {}),
  })
  const { weakening } = options.signIn
  const tokenEndpointAudience = settings.tokenEndpointAudience
    ? 'dangerouslyAllowTokenEndpointAudience'
    : undefined
  for (const detail of [weakening, tokenEndpointAudience])
    if (detail !== undefined) runtime.event({ type: 'option.weakening', level: 'warning', issuer, detail })
  const sealer = new MacSealer(settings.secrets)
  const store = scopedStore(options.store, issuer, runtime)
  const keys = createKeyRing(options.keys ?? {}, { issuer, store, sealer, runtime })
  const limits = createLimits(
    issuer,
    options.rateLimit ?? memoryRateLimiter({ clock: runtime.clock }),
    runtime,
  )
  const stateless = createStatelessClients(sealer, issuer)
  const stored = createStoredClients(store, createQuota(issuer, store, runtime))
  const sources: ClientSource[] = [stateless.find]
  const { clientDocuments, redirects } = settings
  const cache = settings.cache && authenticatedCache(settings.cache, sealer, issuer)
  const { fetch } = typeof clientDocuments === 'boolean' ? runtime : clientDocuments
  const clientFetch = createClientFetch({ fetch, clock: runtime.clock })
  if (clientDocuments !== false)
    sources.push(createClientDocuments({ issuer, runtime, limits, fetch: clientFetch, cache, redirects }))
  sources.push(stored.find)
  const resources = createResources(options.resources, options.defaultResource)
  const configured = preregisteredClients(settings.clients)
  const preregistered = new Map([...configured, ...resourceServerClients(resources.all, configured)])
  const clients = createClients(preregistered, sources, stored.extendLife, store, runtime)
  const grants = createGrants({
    issuer,
    store,
    sealer,
    keys,
    clients,
    runtime,
    lifetimes: settings.lifetimes,
  })
  const paths = resolvePaths(issuer, options.paths ?? {})
  let opaquePrefix: string | undefined
  const context: Context = {
    issuer,
    options: settings,
    secure: issuer.startsWith('https:'),
    runtime,
    sealer,
    store,
    signIn: attributed(options.signIn),
    paths,
    resources,
    clients,
    grants,
    keys,
    interruptedWrites: createInterruptedWrites(runtime.clock),
    // Computed when it is first used: the hash is the slowest part of a cold start.
    get opaquePrefix() {
      return (opaquePrefix ??= opaquePrefixOf(issuer))
    },
    limits,
    verifyAssertion: createAssertionVerifier({
      issuer,
      tokenEndpoint: new URL(paths.token, issuer).href,
      allowTokenEndpoint: settings.tokenEndpointAudience,
      runtime,
      store,
      fetch: clientFetch,
    }),
  }
  return {
    context,
    register: settings.registration === 'stored' ? stored.register : stateless.register,
    administration: createAdministration(clients, stored),
  }
}

/** The application's sign-in; its errors name the method that threw. */
const attributed = (signIn: SignIn): SignIn => ({
  consent: signIn.consent,
  ...(signIn.name === undefined ? {} : { name: signIn.name }),
  ...(signIn.check === undefined ? {} : { check: (issuer: string) => signIn.check!(issuer) }),
  identify: (request) => callPart('signIn.identify', () => signIn.identify(request)),
  start: (request, flow) => callPart('signIn.start', () => signIn.start(request, flow)),
  ...(signIn.finish === undefined
    ? {}
    : {
        finish: (request: Request, leg: SignInLeg) =>
          callPart('signIn.finish', () => signIn.finish!(request, leg)),
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
