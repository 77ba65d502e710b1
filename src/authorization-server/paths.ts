import { ConfigurationError } from '../errors.ts'
import { matching, type OptionalOption } from '../lib/options.ts'
import type { Endpoint } from './context.ts'

/** Pathnames by endpoint. */
export type Paths = Partial<Record<Endpoint, string>>

const defaults: Readonly<Record<Endpoint, string>> = {
  authorize: '/authorize',
  token: '/token',
  register: '/register',
  revoke: '/revoke',
  introspect: '/introspect',
  jwks: '/jwks.json',
  account: '/account',
  link: '/link',
}

/** Absolute pathnames: the configured ones, the others below the issuer's path. Throws ConfigurationError. */
export function resolvePaths(issuer: string, given: Paths): Readonly<Record<Endpoint, string>> {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const paths = { ...defaults }
  for (const name of endpoints) paths[name] = given[name] ?? base + defaults[name]
  const all = [...Object.values(paths), callbackPath({ paths })]
  const twice = all.find((each, i) => all.indexOf(each) < i)
  if (twice !== undefined)
    throw new ConfigurationError('paths', `must be different for each endpoint; got "${twice}" twice`)
  return paths
}

const endpoints = Object.keys(defaults) as Endpoint[]

/** The endpoint that a sign-in comes back to. */
export const callbackPath = ({ paths }: { paths: Readonly<Record<Endpoint, string>> }): string =>
  `${paths.authorize}/callback`

/** The rows of the option `paths`. */
export const pathTable = (): Record<Endpoint, OptionalOption<string>> => {
  const pathname = matching<string>('a pathname in its normal form, such as "/oauth/token"', isPathname)
  return Object.fromEntries(endpoints.map((name) => [name, pathname])) as Record<Endpoint, typeof pathname>
}

const isPathname = (path: unknown): boolean =>
  typeof path === 'string' &&
  path.startsWith('/') &&
  path !== '/' &&
  !path.startsWith('/.well-known/') &&
  URL.canParse(path, 'https://a') &&
  new URL(path, 'https://a').pathname === path
