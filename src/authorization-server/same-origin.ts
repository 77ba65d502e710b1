import { PageError } from './error-page.ts'

/**
 * Refuses a form that was sent from another site. `Origin: null` alone is no error: privacy settings make browsers send it on
 * the honest form, and the form's own token decides.
 */
export function requireSameOrigin(request: Request, issuer: string): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const foreign = origin !== null && origin !== 'null' && origin !== new URL(issuer).origin
  if ((site === null || site === 'same-origin') && !foreign) return
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
