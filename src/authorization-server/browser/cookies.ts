import { cookie, readCookie, readCookies } from '../../lib/cookie.ts'
import { randomToken } from '../../lib/random.ts'
import type { Context } from '../context.ts'

type Deployment = Pick<Context, 'issuer' | 'secure'>

/**
 * The name of a cookie of this issuer. `__Host-` if the issuer is https: no other host, and no page over
 * http, can set it. The port, which cookies ignore, and the path keep several issuers on one host apart: no
 * two places have one name, and none holds a `-`, so that no name of one issuer starts like another's.
 */
export function cookieName({ issuer, secure }: Deployment, name: string): string {
  const { port, pathname } = new URL(issuer)
  const place = port + (pathname === '/' ? '' : encodePath(pathname))
  return `${secure ? '__Host-' : ''}tollgate-${place === '' ? '' : `${place}-`}${name}`
}

/** Injective: letters and digits as they are, a slash as a dot, everything else by its number. */
const encodePath = (path: string): string =>
  path.replaceAll(/[^A-Za-z0-9]/g, (char) => (char === '/' ? '.' : `_${char.charCodeAt(0).toString(16)}`))

export const readOwnCookie = (deployment: Deployment, request: Request, name: string): string | undefined =>
  readCookie(request, cookieName(deployment, name))

/** `maxAge` in seconds; 0 clears. */
export const ownCookie = (deployment: Deployment, name: string, value: string, maxAge: number): string =>
  cookie(cookieName(deployment, name), value, { maxAge, secure: deployment.secure })

/** Cookies of one kind, each with a name of its own, so that several tabs do not disturb each other. */
export interface Slots {
  readonly kind: string
  readonly max: number
}

/**
 * An id for a new cookie of this kind, and what clears the oldest ones, so that there are never more than
 * `max`.
 */
export function newSlot(
  context: Pick<Context, 'issuer' | 'secure' | 'runtime'>,
  request: Request,
  { kind, max }: Slots,
): { id: string; evict: string[] } {
  const prefix = cookieName(context, `${kind}-`)
  const ids = readCookies(request, prefix).map(([name]) => name.slice(prefix.length))
  const oldest = ids.sort((a, b) => age(a) - age(b)).slice(0, Math.max(0, ids.length - max + 1))
  return {
    // The time in it says which one is the oldest; nothing else goes by it.
    id: `${Math.floor(context.runtime.clock()).toString(36)}.${randomToken()}`,
    evict: oldest.map((id) => ownCookie(context, `${kind}-${id}`, '', 0)),
  }
}

export const isSlotId = (text: string): boolean => /^[0-9a-z]{1,12}\.[A-Za-z0-9_-]{27}$/.test(text)

const age = (id: string): number => (isSlotId(id) ? parseInt(id, 36) : 0)
