import { ConfigurationError } from '../errors.ts'
import { checkOptions } from '../lib/options.ts'
import type { Endpoint } from './context.ts'

const defaults: Readonly<Record<Endpoint, string>> = {
  authorize: '/authorize',
  token: '/token',
  register: '/register',
  revoke: '/revoke',
  introspect: '/introspect',
  jwks: '/jwks.json',
  account: '/account',
}

/** Where a sign-in comes back to. */
export const callbackPath = ({ paths }: { paths: Readonly<Record<Endpoint, string>> }): string =>
  `${paths.authorize}/callback`

/**
 * Absolute pathnames: the configured ones as they are, the others below the issuer's path. Throws
 * ConfigurationError.
 */
export function resolvePaths(
  issuer: string,
  given: Partial<Record<Endpoint, string>>,
): Readonly<Record<Endpoint, string>> {
  checkOptions('paths', given, Object.keys(defaults))
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const paths = Object.fromEntries(
    Object.entries(defaults).map(([name, path]) => [name, checked(name as Endpoint, given, base + path)]),
  ) as Record<Endpoint, string>
  const all = [...Object.values(paths), callbackPath({ paths })]
  if (new Set(all).size < all.length) throw new ConfigurationError('paths', 'two endpoints share one path')
  return paths
}

function checked(name: Endpoint, given: Partial<Record<Endpoint, string>>, standard: string): string {
  const path = given[name]
  if (path === undefined) return standard
  const normal =
    typeof path === 'string' && path.startsWith('/') && new URL(path, 'https://a').pathname === path
  if (!normal || path === '/' || path.startsWith('/.well-known/'))
    throw new ConfigurationError(
      `paths.${name}`,
      'is a pathname in its normal form, for example /oauth/token',
    )
  return path
}
