// What the application's forms do: they go to better-auth, and the browser goes on to a page of this site.
import { auth } from './auth.ts'
import { PUBLIC_URL } from './shared.ts'

/** CSRF and login CSRF: whether the form is on a page of this site. Browsers send `Origin` with each POST. */
export const isOurs = ({ headers }: Request): boolean => headers.get('origin') === new URL(PUBLIC_URL).origin

/** Calls an endpoint of better-auth as this browser, so that its own checks and limits on attempts apply. */
export function callAuth(request: Request, path: string, body: object = {}): Promise<Response> {
  const headers = new Headers(request.headers)
  headers.delete('content-length')
  headers.set('content-type', 'application/json')
  const url = new URL(`/api/auth${path}`, PUBLIC_URL)
  return auth().handler(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** Where the user goes after the sign-in: a page of this site, else the home page. */
export function pageOfThisSite(path: unknown): URL {
  const home = new URL('/', PUBLIC_URL)
  if (typeof path !== 'string' || !URL.canParse(path, home)) return home
  const url = new URL(path, home)
  // Open redirect: `https://evil.example`, `//evil.example` and `/\evil.example` are other sites.
  return url.origin === home.origin ? url : home
}

/** Sends the browser to a page, with the cookies of better-auth's answer. */
export function goTo(page: URL, answer?: Response): Response {
  // Absolute: as a path, `/.//evil.example` would become another site.
  const headers = new Headers({ location: page.href, 'cache-control': 'no-store' })
  for (const cookie of answer?.headers.getSetCookie() ?? []) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}
