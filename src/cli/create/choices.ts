import { providers } from './providers.ts'

export const hosts = ['node', 'workers', 'deno', 'bun', 'next', 'hono', 'express'] as const
export const auths = ['password', 'upstream', 'own-login', 'external'] as const
export const stores = ['memory', 'sqlite', 'redis', 'postgres', 'durable-object', 'd1', 'deno-kv'] as const

export type HostName = (typeof hosts)[number]
export type AuthName = (typeof auths)[number]
export type StoreName = (typeof stores)[number]

/** What a project is made of. */
export interface Choices {
  readonly host: HostName
  readonly auth: AuthName
  /** Only of `upstream` and `external`. */
  readonly provider?: string | undefined
  /** Not of `external`, which stores nothing. */
  readonly store?: StoreName | undefined
}

const everywhere: readonly StoreName[] = ['memory', 'redis', 'postgres']
const onNode: readonly StoreName[] = ['sqlite', ...everywhere]

/** The stores that fit a host, the best one first. */
const storesOf: Readonly<Record<HostName, readonly StoreName[]>> = {
  node: onNode,
  workers: ['durable-object', 'd1'],
  deno: ['deno-kv', ...everywhere],
  bun: ['sqlite', ...everywhere],
  next: onNode,
  hono: onNode,
  express: onNode,
}

const runsOnNode = (host: HostName): boolean => ['node', 'next', 'hono', 'express'].includes(host)

/** Whether this Node has `node:sqlite` without a flag. */
export const hasSqlite = (nodeVersion: string): boolean => isFrom22(13, nodeVersion)

/** What a host needs on this machine, if it is more than Tollgate needs. */
export const needOf = (host: HostName): string | undefined =>
  host === 'workers' ? 'Wrangler needs Node 22.12 or later' : undefined

/** What this Node is too old for, in a sentence. The project may still be run on another. */
export const ageProblem = (host: HostName, nodeVersion: string): string | undefined =>
  host === 'workers' && !isFrom22(12, nodeVersion) ? `${needOf(host)}; this is ${nodeVersion}.` : undefined

function isFrom22(needed: number, nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number)
  return major > 22 || (major === 22 && minor >= needed)
}

/** The stores that work here, the best one first. */
export const fittingStores = (host: HostName, nodeVersion: string): readonly StoreName[] =>
  storesOf[host].filter((store) => store !== 'sqlite' || !runsOnNode(host) || hasSqlite(nodeVersion))

/** Whether the choice of an authorization comes with a provider. */
export const needsProvider = (auth: AuthName): boolean => auth === 'upstream' || auth === 'external'

/** The presets that can have this part. */
export const fittingProviders = (auth: AuthName): readonly string[] =>
  Object.keys(providers).filter((name) => misfitOf(name, auth) === undefined)

/** What makes no sense, in sentences that say what fits. Undefined: the choices fit. */
export function problemOf(choices: Choices, nodeVersion: string): string | undefined {
  const { host, auth, provider, store } = choices
  if (!needsProvider(auth) && provider !== undefined)
    return `--provider belongs to --auth upstream and --auth external; --auth ${auth} has none.`
  if (needsProvider(auth)) {
    const fitting = fittingProviders(auth).join(', ')
    if (provider === undefined) return `--auth ${auth} needs --provider: ${fitting}.`
    const misfit = misfitOf(provider, auth)
    if (misfit !== undefined) return `${misfit} --auth ${auth} works with: ${fitting}.`
  }
  if (auth === 'external')
    return store === undefined ? undefined : '--auth external stores nothing: leave --store out.'
  if (store === undefined) return undefined
  const fits = fittingStores(host, nodeVersion)
  if (fits.includes(store)) return undefined
  const why = storesOf[host].includes(store)
    ? `--store ${store} needs node:sqlite, which Node has from 22.13 on; this is ${nodeVersion}.`
    : `--store ${store} does not fit --host ${host}.`
  return `${why} What fits: ${fits.join(', ')}.`
}

/** What `--tollgate` must not be. Deno skips a tarball and a folder without a word. */
export const tollgateProblem = (host: HostName, tollgate: string): string | undefined =>
  host === 'deno' && /[:/\\]/.test(tollgate)
    ? `Deno installs packages only from a registry: --tollgate must be a version; got "${tollgate}".`
    : undefined

function misfitOf(name: string, auth: AuthName): string | undefined {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
  if (provider === undefined) return `There is no provider "${name}".`
  if (auth === 'upstream')
    return provider.signIn ? undefined : `${provider.title} has no sign-in preset; take --auth external.`
  if (provider.tokens === 'no')
    return (
      `${provider.title} issues no tokens for your server, and MCP clients cannot register there; ` +
      'take --auth upstream.'
    )
  return undefined
}
