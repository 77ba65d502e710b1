import { callAuth, goTo, isOurs, pageOfThisSite } from '../forms.ts'

/** Ends this browser's session. Clients that the user has connected stay connected: see /oauth/account. */
export async function POST(request: Request): Promise<Response> {
  if (!isOurs(request)) return new Response('This form is on another site.', { status: 403 })
  return goTo(pageOfThisSite('/'), await callAuth(request, '/sign-out'))
}
