import { ConfigurationError } from '../errors.ts'
import { matching, type OptionalOption } from '../lib/options.ts'
import type { SignIn } from '../types.ts'
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
  const callback = callbackPath({ paths })
  const all = [...Object.values(paths), callback]
  const twice = all.find((each, i) => all.indexOf(each) < i || each.startsWith(`${callback}/`))
  if (twice !== undefined)
    throw new ConfigurationError(
      'paths',
      `must be different for each endpoint, and none below "${callback}"; got "${twice}"`,
    )
  return paths
}

const endpoints = Object.keys(defaults) as Endpoint[]

interface Place {
  readonly paths: Readonly<Record<Endpoint, string>>
}

/** The endpoint that a sign-in comes back to. */
const callbackPath = ({ paths }: Place, provider?: string): string =>
  `${paths.authorize}/callback${provider === undefined ? '' : `/${provider}`}`

/** The endpoint that a leg of this sign-in comes back to, after it was told this way. */
export const legPath = (place: Place, { callbacks }: Pick<SignIn, 'callbacks'>, way?: string): string =>
  callbackPath(place, callbacks?.find((each) => each.way === way)?.provider)

/** All endpoints that legs of this sign-in come back to. */
export const legPaths = (place: Place, signIn: Pick<SignIn, 'callbacks'>): readonly string[] => [
  legPath(place, signIn),
  ...(signIn.callbacks ?? []).map(({ way }) => legPath(place, signIn, way)),
]

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
