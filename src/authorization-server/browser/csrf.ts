import { isLoopbackHost } from '../../protocol/resource.ts'
import { PageError } from '../page/error.ts'

/**
 * Refuses a form that was sent from another site (CSRF). `Origin: null` alone is not an error: privacy
 * settings make browsers send it on the honest form, and the form's own token decides. On loopback it is
 * one: a browser that tells nothing else cannot be told from a page that reached this server by DNS
 * rebinding.
 */
export function requireSameOrigin(request: Request, issuer: string): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const own = new URL(issuer)
  const unnamed = origin === 'null' && !(isLoopbackHost(own.hostname) && site === null)
  const same = origin === null || origin === own.origin || unnamed
  if ((site === null || site === 'same-origin') && same) return
  throw forged('The form was not sent from a page of this server')
}

/** 403: the form is not one that this server gave to this browser. */
export const forged = (problem: string): PageError =>
  new PageError('invalid_request', {
    title: 'This form cannot be accepted',
    problem,
    advice:
      'Nothing was shared. Make sure that your browser accepts cookies from this site, then start again from the app.',
    status: 403,
  })
