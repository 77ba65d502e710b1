import { cookie, readCookie, readCookies } from '../../lib/cookie.ts'
import { randomToken } from '../../lib/random.ts'
import type { Context } from '../context.ts'

type Deployment = Pick<Context, 'issuer' | 'secure'>

/**
 * The name of a cookie of this issuer. With an https issuer it starts with `__Host-`, so no other host and no
 * page over http can set it. Port (which cookies ignore) and path keep several issuers on one host apart: two
 * issuers never have the same name, and because the encoded place contains no `-`, no name of one issuer is a
 * prefix of another issuer's.
 */
function cookieName({ issuer, secure }: Deployment, name: string): string {
  const { port, pathname } = new URL(issuer)
  const place = port + (pathname === '/' ? '' : encodePath(pathname))
  return `${secure ? '__Host-' : ''}tollgate-${place === '' ? '' : `${place}-`}${name}`
}

/** Injective: letters and digits stay, a slash becomes a dot, everything else its code. */
const encodePath = (path: string): string =>
  path.replaceAll(/[^A-Za-z0-9]/g, (char) => (char === '/' ? '.' : `_${char.charCodeAt(0).toString(16)}`))

/** The value of this issuer's cookie, or undefined. */
export const getCookie = (deployment: Deployment, request: Request, name: string): string | undefined =>
  readCookie(request, cookieName(deployment, name))

/** A `Set-Cookie` value. `maxAge` in seconds. */
export const setCookie = (deployment: Deployment, name: string, value: string, maxAge: number): string =>
  cookie(cookieName(deployment, name), value, { maxAge, secure: deployment.secure })

/** A `Set-Cookie` value that removes the cookie. */
export const clearCookie = (deployment: Deployment, name: string): string =>
  setCookie(deployment, name, '', 0)

/** Adds `Set-Cookie` headers to a response. */
export function withCookies(response: Response, cookies: readonly string[] = []): Response {
  for (const each of cookies) response.headers.append('set-cookie', each)
  return response
}

/** Cookies of one kind, one per form or sign-in, so that several tabs do not disturb each other. */
export interface Slots {
  readonly kind: string
  /** The oldest one is removed when there are more. */
  readonly max: number
}

export const slotName = ({ kind }: Slots, id: string): string => `${kind}-${id}`

/**
 * An id for a new cookie of this kind, and the cookies that remove the oldest ones. `left`: the id of one
 * that the user leaves, which counts as the oldest.
 */
export function newSlot(
  context: Pick<Context, 'issuer' | 'secure' | 'runtime'>,
  request: Request,
  slots: Slots,
  left?: string,
): { id: string; evict: string[] } {
  const prefix = cookieName(context, slotName(slots, ''))
  const ids = readCookies(request, prefix).map(([name]) => name.slice(prefix.length))
  const surplus = Math.max(0, ids.length - slots.max + 1)
  const age = (id: string): number => (id === left ? -1 : createdAt(id))
  const oldest = ids.sort((a, b) => age(a) - age(b)).slice(0, surplus)
  return {
    // The time in it only says which one is the oldest.
    id: `${Math.floor(context.runtime.clock()).toString(36)}.${randomToken()}`,
    evict: oldest.map((id) => clearCookie(context, slotName(slots, id))),
  }
}

export const isSlotId = (text: string): boolean => /^[0-9a-z]{1,12}\.[A-Za-z0-9_-]{27}$/.test(text)

const createdAt = (id: string): number => (isSlotId(id) ? parseInt(id, 36) : 0)
